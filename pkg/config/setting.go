package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// errEmptyItem is the failure for a list such as "a,,b".
var errEmptyItem = errors.New("has an empty item")

// setting is one thing that can be configured: under a flag, under environment
// variables and under a key of the file.
type setting struct {
	// flag is also the key in the file.
	flag string
	env  []string
	// fallback is the default, as text.
	fallback string
	help     string
	zh       string
	// secret settings have no flag: argv is readable by everybody.
	secret bool
	set    func(c *Config, value string) error
}

func text(p func(*Config) *string) func(*Config, string) error {
	return func(c *Config, v string) error {
		*p(c) = v
		return nil
	}
}

func hidden(p func(*Config) *Secret) func(*Config, string) error {
	return func(c *Config, v string) error {
		*p(c) = Secret(v)
		return nil
	}
}

func boolean(p func(*Config) *bool) func(*Config, string) error {
	return func(c *Config, v string) error {
		b, err := strconv.ParseBool(v)
		if err != nil {
			return fmt.Errorf("%q is neither true nor false", v)
		}
		*p(c) = b
		return nil
	}
}

func integer(low, high int, p func(*Config) *int) func(*Config, string) error {
	return func(c *Config, v string) error {
		n, err := strconv.Atoi(v)
		if err != nil || n < low || n > high {
			return fmt.Errorf("%q is not a number from %d to %d", v, low, high)
		}
		*p(c) = n
		return nil
	}
}

func duration(low time.Duration, p func(*Config) *time.Duration) func(*Config, string) error {
	return func(c *Config, v string) error {
		d, err := time.ParseDuration(v)
		if err != nil || d < low {
			return fmt.Errorf("%q is not a duration of at least %s, such as 10m", v, low)
		}
		*p(c) = d
		return nil
	}
}

func oneOf[T ~string](values []T, p func(*Config) *T) func(*Config, string) error {
	return func(c *Config, v string) error {
		if !slices.Contains(values, T(v)) {
			names := make([]string, len(values))
			for i, known := range values {
				names[i] = string(known)
			}
			return fmt.Errorf("%q is not one of %s", v, strings.Join(names, ", "))
		}
		*p(c) = T(v)
		return nil
	}
}

// list takes a comma-separated list whose items match the pattern.
func list(pattern *regexp.Regexp, what string, p func(*Config) *[]string) func(*Config, string) error {
	return func(c *Config, v string) error {
		var items []string
		for item := range strings.SplitSeq(v, ",") {
			item = strings.TrimSpace(item)
			switch {
			case item == "":
				return fmt.Errorf("%q %w", v, errEmptyItem)
			case !pattern.MatchString(item):
				return fmt.Errorf("%q is not %s", item, what)
			}
			items = append(items, item)
		}
		*p(c) = items
		return nil
	}
}

func matching(pattern *regexp.Regexp, what string, p func(*Config) *string) func(*Config, string) error {
	return func(c *Config, v string) error {
		if !pattern.MatchString(v) {
			return fmt.Errorf("%q is not %s", v, what)
		}
		*p(c) = v
		return nil
	}
}

// hostPort takes an address to listen on.
func hostPort(p func(*Config) *string) func(*Config, string) error {
	return func(c *Config, v string) error {
		address, err := netip.ParseAddrPort(v)
		if err != nil || address.Port() == 0 {
			return fmt.Errorf("%q is not an address with a port, such as 0.0.0.0:10262", v)
		}
		*p(c) = v
		return nil
	}
}

// endpoint takes host, host:port or an http(s) URL without a path.
func endpoint(p func(*Config) *string) func(*Config, string) error {
	return func(c *Config, v string) error {
		raw := v
		if !strings.Contains(raw, "://") {
			raw = "https://" + raw
		}
		u, err := url.Parse(raw)
		if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || strings.Trim(u.Path, "/") != "" {
			return fmt.Errorf("%q is neither host[:port] nor a URL such as https://host:port", v)
		}
		if u.Scheme == "http" && !c.Endpoints.Insecure && !isLoopback(u.Hostname()) {
			return fmt.Errorf("%q is plain http to another machine: requests would be readable; use https, or --insecure-endpoints to accept it", v)
		}
		*p(c) = strings.TrimSuffix(v, "/")
		return nil
	}
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
