package chaos

import (
	"net/url"
	"strings"
	"sync"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/fault"
)

// mostOverheard bounds how many signatures are looked for.
const mostOverheard = 400

// secrets are what must never be in a log.
type secrets struct {
	mu  sync.Mutex
	all map[string]string
}

// overhear collects what secret values arrive at a region.
func overhear(sim *aliyunsim.Sim) *secrets {
	s := &secrets{all: map[string]string{
		sim.AccessKeySecret: "an access key secret", secretOf(keyA): "an access key secret", secretOf(keyB): "an access key secret",
	}}
	sim.Fault(fault.Rule{Kind: fault.Hook, Before: func(e fault.Event) {
		s.mu.Lock()
		defer s.mu.Unlock()
		for name, what := range map[string]string{"Signature": "a signature", "SecurityToken": "a security token"} {
			if value := e.Params[name]; value != "" && len(s.all) < mostOverheard {
				s.all[value] = what
			}
		}
	}})
	return s
}

// in names the first secret that a text holds, plain or as part of a URL.
func (s *secrets) in(text string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for secret, what := range s.all {
		for _, form := range []string{secret, url.QueryEscape(secret)} {
			if at := strings.Index(text, form); at >= 0 {
				return what + " in: " + line(text, at)
			}
		}
	}
	return ""
}

// line is the line of a text around a place in it.
func line(text string, at int) string {
	start := strings.LastIndex(text[:at], "\n") + 1
	if end := strings.Index(text[at:], "\n"); end >= 0 {
		return text[start : at+end]
	}
	return text[start:]
}

// readLogs kills the replicas and reads what they have printed.
func (w *world) readLogs() {
	for _, c := range w.replicas {
		c.Kill()
		log := c.Output()
		if log == "" {
			w.T.Errorf("%s is empty, so nothing was looked at", c.Log)
		}
		if found := w.secrets.in(log); found != "" {
			w.T.Errorf("%s holds %s", c.Log, found)
		}
		for _, bad := range []string{"WARNING: DATA RACE", "panic:", "fatal error:", "Observed a panic"} {
			if at := strings.Index(log, bad); at >= 0 {
				w.T.Errorf("%s holds %q:\n%s", c.Log, bad, log[at:min(len(log), at+4000)])
			}
		}
	}
}
