package manager

import (
	"net/http"
	"sync/atomic"
)

// debugPages are the pages about load balancers on the secure port. They stand
// behind the same delegated authorisation as the metrics, and have nothing to show
// before the parts are made.
type debugPages struct {
	pages atomic.Pointer[http.Handler]
}

// show makes the pages those of a handler.
func (d *debugPages) show(h http.Handler) { d.pages.Store(&h) }

// ServeHTTP implements http.Handler.
func (d *debugPages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := d.pages.Load()
	if h == nil {
		http.Error(w, "the controller is starting; /readyz says what it waits for", http.StatusServiceUnavailable)
		return
	}
	(*h).ServeHTTP(w, r)
}
