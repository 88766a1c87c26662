// Package serve runs the simulator as a process of its own.
package serve

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// Options are the command's flags.
type Options struct {
	// Listen serves everything; Metadata and TLS, when not empty, serve metadata
	// alone and everything over TLS. Products serve one product each, by the name
	// ecs, vpc, slb or sts.
	Listen, Metadata, TLS string
	Products              map[string]string
	// CertificateFile gets the certificate of the TLS listener in PEM.
	CertificateFile string
	// AddressesFile gets the URLs as a JSON object once everything listens.
	AddressesFile string
	// InsecureListen allows addresses other than loopback.
	InsecureListen bool

	// Dataplane makes the region's network real, which takes Linux and root.
	Dataplane bool

	// SeedFile is a YAML seed; without one a small region with Servers servers is made.
	SeedFile string
	Servers  int
	// StateFile is loaded at the start when it exists, and saved at the end.
	StateFile string
	Profile   string
	Strict    bool
	Scale     float64
	Random    uint64
	LogCalls  bool
}

// Failures of Options.
var (
	ErrNotLoopback = errors.New("not a loopback address (--insecure-listen allows it: the simulator then takes orders from the network)")
	errScale       = errors.New("--scale must be above 0")
	errServers     = errors.New("--servers must not be negative")
)

var products = map[string]api.Product{"ecs": api.ECS, "vpc": api.VPC, "slb": api.SLB, "sts": api.STS}

// Validate reports every problem at once.
func (o Options) Validate() error {
	var problems []error
	if o.Scale <= 0 {
		problems = append(problems, errScale)
	}
	if o.Servers < 0 {
		problems = append(problems, errServers)
	}
	for _, address := range []string{o.Listen, o.Metadata, o.TLS} {
		problems = append(problems, o.checkAddress(address))
	}
	for _, name := range slices.Sorted(maps.Keys(o.Products)) {
		if _, ok := products[name]; !ok {
			problems = append(problems, fmt.Errorf("--product-listen: %q is not ecs, vpc, slb or sts", name))
		}
		problems = append(problems, o.checkAddress(o.Products[name]))
	}
	return errors.Join(problems...)
}

func (o Options) checkAddress(address string) error {
	if address == "" {
		return nil
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("listen address %q: %w", address, err)
	}
	if o.InsecureListen || strings.EqualFold(host, "localhost") {
		return nil
	}
	if addr, err := netip.ParseAddr(host); err != nil || !addr.IsLoopback() {
		return fmt.Errorf("listen address %q: %w", address, ErrNotLoopback)
	}
	return nil
}
