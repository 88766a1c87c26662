package dataplane

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/network"
	"github.com/kube-aliyun/kube-aliyun/test/sandbox"
)

// Where servers find the cloud.
const (
	MetadataAddress = "100.100.100.200:80"
	OpenAPIAddress  = "100.100.100.201:80"
)

const headerTimeout = 10 * time.Second

// services are the HTTP servers in a VPC's router.
type services struct {
	running sync.WaitGroup
	servers []*http.Server
}

// offer serves metadata and the OpenAPI in a VPC.
func (p *Plane) offer(ctx context.Context, vpc string, router *sandbox.Namespace) (*services, error) {
	s := &services{}
	err := errors.Join(
		s.serve(ctx, router, MetadataAddress, p.metadata(vpc)),
		s.serve(ctx, router, OpenAPIAddress, p.OpenAPI),
	)
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *services) serve(ctx context.Context, router *sandbox.Namespace, address string, handler http.Handler) error {
	l, err := router.Listen(ctx, net.ListenConfig{}, "tcp", address)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", address, err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: headerTimeout}
	s.servers = append(s.servers, server)
	s.running.Go(func() {
		// It ends by close alone: a listener's accept fails for good only then.
		_ = server.Serve(l)
	})
	return nil
}

func (s *services) close() {
	for _, server := range s.servers {
		// Connections end with it; what they say to that helps nobody.
		_ = server.Close()
	}
	s.running.Wait()
}

// metadata answers a server, or a Pod on it, about that server.
func (p *Plane) metadata(vpc string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller, err := netip.ParseAddrPort(r.RemoteAddr)
		id, known := p.asks(vpc, caller.Addr())
		if err != nil || !known || !strings.HasPrefix(r.URL.Path, "/latest/") {
			http.NotFound(w, r)
			return
		}
		asked := r.Clone(r.Context())
		asked.URL.Path, asked.URL.RawPath = "/metadata/"+id+r.URL.Path, ""
		p.Metadata.ServeHTTP(w, asked)
	})
}

// asks finds the server with an address, else the one that a route to the address
// leads to.
func (p *Plane) asks(vpc string, caller netip.Addr) (id string, known bool) {
	n := p.now.Load()
	for _, s := range n.Servers {
		if s.VPC == vpc && (s.Address == caller || s.IPv6 == caller || slices.Contains(s.Secondary, caller)) {
			return s.ID, true
		}
	}
	for _, v := range n.VPCs {
		if v.ID != vpc {
			continue
		}
		for _, t := range v.Tables {
			if best := longest(t, caller); best != nil {
				return best.Server, true
			}
		}
	}
	return "", false
}

// longest is the most specific route of a table to an address, but for the
// default one, or nil.
func longest(t network.RouteTable, to netip.Addr) *network.Route {
	var best *network.Route
	for i, route := range t.Routes {
		if route.Destination.Bits() > 0 && route.Destination.Contains(to) && (best == nil || route.Destination.Bits() > best.Destination.Bits()) {
			best = &t.Routes[i]
		}
	}
	return best
}
