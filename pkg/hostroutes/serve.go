package hostroutes

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"k8s.io/component-base/metrics/legacyregistry"
	"k8s.io/klog/v2"
)

// Times of the health server.
const (
	bindAgain     = 5 * time.Second
	headerTimeout = 5 * time.Second
	shutdownGrace = 2 * time.Second
)

// serve answers health and metrics until ctx ends. While the address is taken, as
// by the instance that this one replaces, the routes are kept all the same.
func serve(ctx context.Context, address string, health *Health) {
	log := klog.FromContext(ctx)
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", health.Healthz)
	mux.HandleFunc("/readyz", health.Readyz)
	mux.Handle("/metrics", legacyregistry.Handler())
	for ctx.Err() == nil {
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
		if err == nil {
			err = answerAt(ctx, listener, mux)
		}
		if ctx.Err() != nil {
			return
		}
		log.Info("Health and metrics are not served now; tried again", "address", address, "after", bindAgain, "err", err)
		select {
		case <-ctx.Done():
		case <-time.After(bindAgain):
		}
	}
}

// answerAt serves a listener until ctx ends.
func answerAt(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: headerTimeout}
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownGrace)
		defer cancel()
		_ = server.Shutdown(grace)
	})
	err := server.Serve(listener)
	if stop() {
		return err
	}
	<-stopped
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
