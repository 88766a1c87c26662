package transport

import (
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strings"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
)

// endpoint is where one product's requests go. Every request gets its host
// from here, so that the SDK never asks its location service.
type endpoint struct{ scheme, host string }

// The networks that the default endpoints can be reached from.
const (
	NetworkVPC    = "vpc"
	NetworkPublic = "public"
)

var (
	products      = []Product{Ecs, Vpc, Slb, Sts}
	regionPattern = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
)

// endpoints computes the endpoint of every product.
func endpoints(opts Options) (map[Product]endpoint, error) {
	suffix := ""
	switch opts.Network {
	case NetworkVPC:
		suffix = "-vpc"
	case NetworkPublic:
	default:
		return nil, fmt.Errorf("network %q is neither %s nor %s", opts.Network, NetworkVPC, NetworkPublic)
	}
	out := make(map[Product]endpoint, len(products))
	for _, p := range products {
		out[p] = endpoint{
			scheme: requests.HTTPS,
			host:   strings.ToLower(string(p)) + suffix + "." + opts.Region + ".aliyuncs.com",
		}
	}
	for p, value := range opts.Endpoints {
		if _, known := out[p]; !known {
			return nil, fmt.Errorf("endpoint for unknown product %q", p)
		}
		if value == "" {
			continue
		}
		e, err := parseEndpoint(value, opts.InsecureEndpoints)
		if err != nil {
			return nil, fmt.Errorf("endpoint for %s: %w", p, err)
		}
		out[p] = e
	}
	return out, nil
}

// parseEndpoint takes host[:port] (HTTPS) or an http(s) URL without a path.
// Plain HTTP sends what a listener needs to repeat the call, hence the limits.
func parseEndpoint(value string, insecure bool) (endpoint, error) {
	raw := value
	if !strings.Contains(value, "://") {
		raw = "https://" + value
	}
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" || u.User != nil {
		return endpoint{}, fmt.Errorf("%q is neither host[:port] nor an http(s) URL", value)
	}
	if strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return endpoint{}, fmt.Errorf("%q has a path; the API is at the root of its host", value)
	}
	switch u.Scheme {
	case "https":
		return endpoint{scheme: requests.HTTPS, host: u.Host}, nil
	case "http":
		if !insecure && !isLoopback(u.Hostname()) {
			return endpoint{}, fmt.Errorf("%q is plain HTTP, which is allowed for loopback addresses only, or with insecure endpoints switched on", value)
		}
		return endpoint{scheme: requests.HTTP, host: u.Host}, nil
	}
	return endpoint{}, fmt.Errorf("%q has scheme %q; only http and https are known", value, u.Scheme)
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}
