package balance

import (
	"crypto/tls"
	"fmt"
	"strings"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/network"
)

// certificates are a listener's: one, and those of its domain extensions by name.
type certificates struct {
	standard *tls.Certificate
	domains  map[string]*tls.Certificate
}

func loadCertificates(settings *network.HTTPSettings) (*certificates, error) {
	standard, err := tls.X509KeyPair(settings.Certificate, settings.Key)
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	all := &certificates{standard: &standard, domains: map[string]*tls.Certificate{}}
	for _, domain := range settings.Domains {
		own, err := tls.X509KeyPair(domain.Certificate, domain.Key)
		if err != nil {
			return nil, fmt.Errorf("certificate of %s: %w", domain.Name, err)
		}
		all.domains[strings.ToLower(domain.Name)] = &own
	}
	return all, nil
}

// choose is for the server name that a client asks for: of a domain extension with
// that name, or with a wildcard in the place of its first label, or the standard.
func (c *certificates) choose(hello *tls.ClientHelloInfo) *tls.Certificate {
	name := strings.ToLower(hello.ServerName)
	if own := c.domains[name]; own != nil {
		return own
	}
	if _, parent, found := strings.Cut(name, "."); found {
		if own := c.domains["*."+parent]; own != nil {
			return own
		}
	}
	return c.standard
}
