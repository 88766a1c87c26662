package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"time"

	"k8s.io/klog/v2"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/admin"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/journal"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/region"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/seed"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/simclock"
)

const (
	headerTimeout = 10 * time.Second
	stopTimeout   = 5 * time.Second
)

// endpoint is one listener and what it serves.
type endpoint struct {
	name, scheme, address string
	handler               http.Handler
	listener              net.Listener
	server                *http.Server
}

// Run serves a region until the context ends, then saves its state. It writes one
// line NAME=URL for each listener to out, and "ready" when all of them listen and
// the data plane, if there is one, is as the region has it.
func Run(ctx context.Context, o Options, out io.Writer) (err error) {
	if err := o.Validate(); err != nil {
		return err
	}
	r, err := build(ctx, o)
	if err != nil {
		return err
	}
	defer r.Close()
	options := admin.Options{}
	if o.StateFile != "" {
		options.Save = func() error { return r.Save(o.StateFile) }
	}
	if o.Dataplane {
		p, failure := startPlane(ctx, r)
		if failure != nil {
			return failure
		}
		options.Dataplane = p.Describe
		defer func() { err = errors.Join(err, p.Close(ctx)) }()
	}
	return serve(ctx, o, r, options, out)
}

// serve listens until the context ends or a listener fails.
func serve(ctx context.Context, o Options, r *region.Region, options admin.Options, out io.Writer) error {
	endpoints, err := listen(ctx, o, r, aliyunsim.Handler(r, options))
	if err != nil {
		return err
	}
	failed := make(chan error, len(endpoints))
	for _, e := range endpoints {
		go func() { failed <- e.server.Serve(e.listener) }()
	}
	err = announce(o, endpoints, out)
	if err == nil {
		select {
		case <-ctx.Done():
		case err = <-failed:
		}
	}
	r.Close()
	err = errors.Join(err, shutDown(ctx, endpoints))
	if options.Save != nil {
		err = errors.Join(err, options.Save())
	}
	return err
}

// build makes the region out of its saved state, else of its seed.
func build(ctx context.Context, o Options) (*region.Region, error) {
	parsed, state, restored, err := origin(o)
	if err != nil {
		return nil, err
	}
	options := region.Options{Name: parsed.Region, Account: parsed.Account, Random: o.Random, Lenient: !o.Strict}
	if restored {
		options.Name, options.Account = state.Region, state.Account
	}
	options.Clock = simclock.New(o.Scale, state.Time)
	if o.LogCalls {
		options.Observe = logCall(klog.FromContext(ctx))
	}
	// Requests end by Close, after the listeners were told to stop.
	r := region.New(context.WithoutCancel(ctx), options)
	if restored {
		err = r.Restore(state)
	} else {
		if len(parsed.Keys) == 0 {
			err = aliyunsim.EnsureKey(r)
		}
		err = errors.Join(err, r.Plant(parsed))
	}
	if err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

func origin(o Options) (seed.Seed, region.State, bool, error) {
	if o.StateFile != "" {
		state, ok, err := region.ReadState(o.StateFile)
		if ok || err != nil {
			return seed.Seed{}, state, ok, err
		}
	}
	text := []byte(aliyunsim.SmallRegion(o.Servers))
	if o.SeedFile != "" {
		var err error
		if text, err = os.ReadFile(o.SeedFile); err != nil {
			return seed.Seed{}, region.State{}, false, fmt.Errorf("seed: %w", err)
		}
	}
	parsed, err := seed.Parse(text)
	if err != nil {
		return parsed, region.State{}, false, err
	}
	if o.Profile != "" {
		parsed.Profile = o.Profile
	}
	if parsed.Profile == "" {
		parsed.Profile = region.Standard
	}
	return parsed, region.State{}, false, nil
}

func logCall(log klog.Logger) func(journal.Entry) {
	return func(e journal.Entry) {
		log.Info("Call", "action", e.Action, "code", e.Code, "status", e.Status, "duration", e.Duration,
			"requestID", e.RequestID, "params", e.Params)
	}
}

// listen opens every listener, or none.
func listen(ctx context.Context, o Options, r *region.Region, all http.Handler) ([]*endpoint, error) {
	endpoints := []*endpoint{{name: "openapi", scheme: "http", address: o.Listen, handler: all}}
	if o.Metadata != "" {
		endpoints = append(endpoints, &endpoint{name: "metadata", scheme: "http", address: o.Metadata, handler: r.Metadata})
	}
	if o.TLS != "" {
		endpoints = append(endpoints, &endpoint{name: "tls", scheme: "https", address: o.TLS, handler: all})
	}
	for _, name := range slices.Sorted(maps.Keys(o.Products)) {
		endpoints = append(endpoints, &endpoint{
			name: name, scheme: "http", address: o.Products[name], handler: r.Gateway.For(products[name]),
		})
	}
	for i, e := range endpoints {
		if err := e.open(ctx, o); err != nil {
			for _, opened := range endpoints[:i] {
				err = errors.Join(err, opened.listener.Close())
			}
			return nil, err
		}
	}
	return endpoints, nil
}

func (e *endpoint) open(ctx context.Context, o Options) error {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", e.address)
	if err != nil {
		return fmt.Errorf("listen for %s: %w", e.name, err)
	}
	if e.scheme == "https" {
		if l, err = secure(l, o.CertificateFile); err != nil {
			return err
		}
	}
	e.listener = l
	e.server = &http.Server{Handler: e.handler, ReadHeaderTimeout: headerTimeout}
	return nil
}

func (e *endpoint) url() string { return e.scheme + "://" + e.listener.Addr().String() }

// announce tells where everything listens.
func announce(o Options, endpoints []*endpoint, out io.Writer) error {
	urls := map[string]string{}
	for _, e := range endpoints {
		urls[e.name] = e.url()
		if _, err := fmt.Fprintf(out, "%s=%s\n", e.name, e.url()); err != nil {
			return fmt.Errorf("write addresses: %w", err)
		}
	}
	if o.AddressesFile != "" {
		raw, err := json.Marshal(urls)
		if err != nil {
			return fmt.Errorf("encode addresses: %w", err)
		}
		// A reader that waits for the file must find it whole.
		temporary := o.AddressesFile + ".new"
		if err := os.WriteFile(temporary, raw, 0o600); err != nil {
			return fmt.Errorf("write addresses: %w", err)
		}
		if err := os.Rename(temporary, o.AddressesFile); err != nil {
			return fmt.Errorf("write addresses: %w", err)
		}
	}
	if _, err := fmt.Fprintln(out, "ready"); err != nil {
		return fmt.Errorf("write addresses: %w", err)
	}
	return nil
}

func shutDown(ctx context.Context, endpoints []*endpoint) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	problems := make([]error, 0, len(endpoints))
	for _, e := range endpoints {
		err := e.server.Shutdown(ctx)
		if errors.Is(err, context.DeadlineExceeded) {
			err = e.server.Close()
		}
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}
