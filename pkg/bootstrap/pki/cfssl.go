// Package pki makes a cluster's certificates out of requests in cfssl's form, and
// keeps them in a folder. Keys are made once and stay.
package pki

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// Request is a certificate request as cfssl has it (cfssl print-defaults csr).
type Request struct {
	CN    string   `json:"CN"`
	Hosts []string `json:"hosts,omitempty"`
	Names []Name   `json:"names,omitempty"`
	Key   Key      `json:"key"`
	// CA is of an authority's own certificate.
	CA *CA `json:"ca,omitempty"`
}

// Name is a part of a subject. Kubernetes takes O for the groups of a user.
type Name struct {
	C  string `json:"C,omitempty"`
	ST string `json:"ST,omitempty"`
	L  string `json:"L,omitempty"`
	O  string `json:"O,omitempty"`
	OU string `json:"OU,omitempty"`
}

// Key is a kind of key.
type Key struct {
	Algo string `json:"algo"`
	Size int    `json:"size"`
}

// CA is how long an authority lives, and how many may be below it.
type CA struct {
	Expiry      Duration `json:"expiry"`
	PathLen     int      `json:"pathlen,omitempty"`
	PathLenZero bool     `json:"pathlenzero,omitempty"`
	Backdate    Duration `json:"backdate,omitempty"`
}

// Duration is one as Go writes it, such as 8760h.
type Duration time.Duration

// UnmarshalJSON reads it.
func (d *Duration) UnmarshalJSON(content []byte) error {
	var text string
	if err := json.Unmarshal(content, &text); err != nil {
		return err
	}
	parsed, err := time.ParseDuration(text)
	*d = Duration(parsed)
	return err
}

// MarshalJSON writes it.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(d).String()) }

// Config says what certificates are for (cfssl print-defaults config).
type Config struct {
	Signing struct {
		Default  *Profile           `json:"default,omitempty"`
		Profiles map[string]Profile `json:"profiles"`
	} `json:"signing"`
}

// Profile is a kind of certificate.
type Profile struct {
	Usages   []string `json:"usages"`
	Expiry   Duration `json:"expiry"`
	Backdate Duration `json:"backdate,omitempty"`
}

var (
	errKey      = errors.New("only ecdsa keys of size 256 are made")
	errExpiry   = errors.New("an authority needs an expiry")
	errCN       = errors.New("CN is missing")
	errProfile  = errors.New("the configuration has no such profile")
	errTrailing = errors.New("something follows the object")
)

// ParseRequest reads a request. Hosts that are empty go: a placeholder that the
// server has nothing for.
func ParseRequest(content []byte) (*Request, error) {
	r := &Request{}
	if err := strict(content, r); err != nil {
		return nil, fmt.Errorf("certificate request: %w", err)
	}
	r.Hosts = slices.DeleteFunc(r.Hosts, func(host string) bool { return host == "" })
	switch {
	case r.CN == "":
		return nil, fmt.Errorf("certificate request: %w", errCN)
	case r.Key != Key{Algo: "ecdsa", Size: 256}:
		return nil, fmt.Errorf("certificate request %s: %s %d: %w", r.CN, r.Key.Algo, r.Key.Size, errKey)
	case r.CA != nil && r.CA.Expiry <= 0:
		return nil, fmt.Errorf("certificate request %s: %w", r.CN, errExpiry)
	}
	return r, nil
}

// ParseConfig reads the profiles.
func ParseConfig(content []byte) (*Config, error) {
	c := &Config{}
	if err := strict(content, c); err != nil {
		return nil, fmt.Errorf("certificate profiles: %w", err)
	}
	for name, p := range c.Signing.Profiles {
		if _, _, err := p.usages(); err != nil || p.Expiry <= 0 {
			return nil, fmt.Errorf("certificate profile %s: %w", name, errors.Join(err, errIf(p.Expiry <= 0, errExpiry)))
		}
	}
	return c, nil
}

func errIf(is bool, err error) error {
	if is {
		return err
	}
	return nil
}

// Profile returns the one of a name. cfssl takes the default for one that it does not
// know, and so gives a certificate that is for something else; this does not.
func (c *Config) Profile(name string) (Profile, error) {
	p, found := c.Signing.Profiles[name]
	if !found {
		return Profile{}, fmt.Errorf("%q: %w", name, errProfile)
	}
	return p, nil
}

// strict decodes one object whose every field is known.
func strict(content []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errTrailing
	}
	return nil
}
