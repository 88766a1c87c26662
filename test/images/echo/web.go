package echo

import (
	"net/http"
	"net/netip"
	"strconv"
	"time"
)

// handler answers every path. /status/CODE answers with that status, and
// /delay/DURATION after that time: /delay/2s.
func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { s.answer(w, r, http.StatusOK) })
	mux.HandleFunc("/status/{code}", func(w http.ResponseWriter, r *http.Request) {
		code, err := strconv.Atoi(r.PathValue("code"))
		if err != nil || code < 200 || code > 599 {
			code = http.StatusBadRequest
		}
		s.answer(w, r, code)
	})
	mux.HandleFunc("/delay/{duration}", func(w http.ResponseWriter, r *http.Request) {
		delay, err := time.ParseDuration(r.PathValue("duration"))
		if err != nil {
			s.answer(w, r, http.StatusBadRequest)
			return
		}
		select {
		case <-time.After(delay):
			s.answer(w, r, http.StatusOK)
		case <-r.Context().Done():
		}
	})
	return mux
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request, status int) {
	answer := Answer{Host: s.Host, Node: s.Node, Text: r.URL.RequestURI(), Header: r.Header}
	if from, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		answer.Client = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(answer.encode())
}
