package upstream

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"sync"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/kube-aliyun/kube-aliyun/test/e2e/stage"
)

// relay passes connections from the client's loopback on to this machine's, where
// the API server can be reached: the internet has no way to it, as it should be.
type relay struct {
	listener net.Listener
	target   string
	running  sync.WaitGroup
}

// relayFrom writes a kubeconfig for programs in a place, and passes on what they
// say until stop is called, or ctx ends.
func relayFrom(ctx context.Context, place stage.Place, kubeconfig, dir string) (path string, stop func(), err error) {
	config, err := clientcmd.LoadFromFile(kubeconfig)
	if err != nil {
		return "", nil, fmt.Errorf("kubeconfig of the suite: %w", err)
	}
	listener, err := place.Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("relay to the API server: %w", err)
	}
	r := &relay{listener: listener}
	for _, c := range config.Clusters {
		server, err := url.Parse(c.Server)
		if err != nil {
			return "", nil, fmt.Errorf("kubeconfig of the suite: %w", err)
		}
		r.target, c.Server = server.Host, "https://"+listener.Addr().String()
	}
	path = filepath.Join(dir, "kubeconfig")
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		_ = listener.Close()
		return "", nil, fmt.Errorf("kubeconfig of the suite: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	r.running.Go(func() { r.accept(ctx) })
	return path, func() {
		cancel()
		_ = listener.Close()
		r.running.Wait()
	}, nil
}

func (r *relay) accept(ctx context.Context) {
	for {
		client, err := r.listener.Accept()
		if err != nil {
			return // closed
		}
		r.running.Go(func() { r.pass(ctx, client) })
	}
}

// pass copies in both directions until either ends, or ctx.
func (r *relay) pass(ctx context.Context, client net.Conn) {
	server, err := (&net.Dialer{}).DialContext(ctx, "tcp", r.target)
	if err != nil {
		_ = client.Close()
		return
	}
	done, end := context.WithCancel(ctx)
	defer end()
	var copying sync.WaitGroup
	for _, way := range [][2]net.Conn{{client, server}, {server, client}} {
		copying.Go(func() {
			defer end()
			_, _ = io.Copy(way[0], way[1]) // an end like any other
		})
	}
	<-done.Done()
	_, _ = client.Close(), server.Close()
	copying.Wait()
}
