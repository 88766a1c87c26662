// Package admin is the simulator's HTTP admin interface and a client for it.
package admin

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/ecs"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/fault"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/journal"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/network"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/ram"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/region"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/seed"
)

// Help describes every path of the interface.
//
//go:embed help.txt
var Help string

const maxBody = 256 << 20

// Options are what the interface can reach besides the region.
type Options struct {
	// Save writes the state to its file; nil when there is none.
	Save func() error
	// Dataplane tells where the region's network is on this machine; nil when there
	// is none.
	Dataplane func(context.Context) (network.Plane, error)
}

// handler answers the interface's requests.
type handler struct {
	region    *region.Region
	save      func() error
	dataplane func(context.Context) (network.Plane, error)
}

// Handler serves /admin/.
func Handler(r *region.Region, o Options) http.Handler {
	h := &handler{region: r, save: o.Save, dataplane: o.Dataplane}
	mux := http.NewServeMux()
	for pattern, serve := range map[string]func(*http.Request) (any, error){
		"GET /admin/state":                      h.getState,
		"PUT /admin/state":                      h.putState,
		"POST /admin/save":                      h.postSave,
		"POST /admin/seed":                      h.postSeed,
		"GET /admin/settings":                   h.getSettings,
		"POST /admin/settings":                  h.postSettings,
		"POST /admin/profile/{name}":            h.postProfile,
		"GET /admin/journal":                    h.getJournal,
		"GET /admin/counters":                   h.getCounters,
		"DELETE /admin/counters":                h.deleteCounters,
		"GET /admin/usage":                      h.getUsage,
		"GET /admin/faults":                     h.getFaults,
		"POST /admin/faults":                    h.postFault,
		"DELETE /admin/faults":                  h.deleteFaults,
		"DELETE /admin/faults/{id}":             h.deleteFault,
		"POST /admin/servers":                   h.postServer,
		"POST /admin/servers/{id}/start":        h.server(r.StartServer),
		"POST /admin/servers/{id}/stop":         h.server(r.StopServer),
		"POST /admin/servers/{id}/release":      h.releaseServer,
		"POST /admin/servers/{id}/sick":         h.server(func(id string) error { return r.SetUnhealthy(id, true) }),
		"POST /admin/servers/{id}/well":         h.server(func(id string) error { return r.SetUnhealthy(id, false) }),
		"POST /admin/loadbalancers/{id}/lock":   h.server(func(id string) error { return r.LockLoadBalancer(id, true) }),
		"POST /admin/loadbalancers/{id}/unlock": h.server(func(id string) error { return r.LockLoadBalancer(id, false) }),
		"POST /admin/keys":                      h.postKey,
		"DELETE /admin/keys/{id}":               h.deleteKey,
		"PUT /admin/keys/{id}/policies":         h.putPolicies,
		"POST /admin/roles":                     h.postRole,
		"DELETE /admin/roles/{name}":            h.deleteRole,
		"POST /admin/sessions/expire":           h.expireSessions,
		"GET /admin/clock":                      h.getClock,
		"POST /admin/clock/step":                h.stepClock,
	} {
		mux.HandleFunc(pattern, answer(serve))
	}
	if o.Dataplane == nil {
		mux.HandleFunc("GET /admin/dataplane", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, NoDataplane, http.StatusNotFound) })
	} else {
		mux.HandleFunc("GET /admin/dataplane", answer(h.getDataplane))
	}
	mux.HandleFunc("GET /admin/healthz", func(w http.ResponseWriter, _ *http.Request) { text(w, "ok\n") })
	mux.HandleFunc("GET /admin/{$}", func(w http.ResponseWriter, _ *http.Request) { text(w, Help) })
	// A web page that the developer looks at must not give orders here.
	return http.NewCrossOriginProtection().Handler(mux)
}

// NoDataplane is the answer of GET /admin/dataplane where nothing is real.
const NoDataplane = "there is no data plane: the simulator was started without --dataplane"

func (h *handler) getDataplane(r *http.Request) (any, error) { return h.dataplane(r.Context()) }

func text(w http.ResponseWriter, s string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	// The client may have gone; it is its loss.
	_, _ = io.WriteString(w, s)
}

// RefusedError is a refusal, and its body.
type RefusedError struct {
	Code    string `json:"code,omitempty"`
	Message string `json:"error"`
}

// Error implements error.
func (f *RefusedError) Error() string {
	if f.Code == "" {
		return f.Message
	}
	return f.Code + ": " + f.Message
}

func answer(serve func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		status := http.StatusOK
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		body, err := serve(r)
		if err != nil {
			status = http.StatusBadRequest
			failure := RefusedError{Message: err.Error()}
			if refused, ok := errors.AsType[*api.Error](err); ok {
				status, failure = refused.Status, RefusedError{refused.Code, refused.Message}
			}
			body = failure
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		// The client may have gone; it is its loss.
		_ = json.NewEncoder(w).Encode(body)
	}
}

// done is the body of what has nothing to tell.
var done = struct{}{}

func read(r *http.Request, into any) error {
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("read body: %w", err)
	}
	return nil
}

func (h *handler) getState(*http.Request) (any, error) { return h.region.Public() }

func (h *handler) putState(r *http.Request) (any, error) {
	var s region.State
	if err := read(r, &s); err != nil {
		return nil, err
	}
	return done, h.region.Restore(s)
}

func (h *handler) postSave(*http.Request) (any, error) {
	if h.save == nil {
		return nil, errors.New("the simulator was started without a state file")
	}
	return done, h.save()
}

func (h *handler) postSeed(r *http.Request) (any, error) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, fmt.Errorf("read body: %w", err)
	}
	s, err := seed.Parse(raw)
	if err != nil {
		return nil, err
	}
	return done, h.region.Plant(s)
}

func (h *handler) getSettings(*http.Request) (any, error) { return h.region.Settings() }

func (h *handler) postSettings(r *http.Request) (any, error) {
	var s region.Settings
	if err := read(r, &s); err != nil {
		return nil, err
	}
	if err := h.region.Configure(s); err != nil {
		return nil, err
	}
	return h.region.Settings()
}

func (h *handler) postProfile(r *http.Request) (any, error) {
	return done, h.region.SetProfile(r.PathValue("name"))
}

func (h *handler) getJournal(r *http.Request) (any, error) {
	query := r.URL.Query()
	since, err := number(query.Get("since"))
	if err != nil {
		return nil, err
	}
	limit, err := number(query.Get("limit"))
	if err != nil {
		return nil, err
	}
	out := []journal.Entry{}
	for _, e := range h.region.Journal.Since(since) {
		if action := query.Get("action"); action != "" && action != e.Action {
			continue
		}
		out = append(out, e)
	}
	if limit > 0 && int64(len(out)) > limit {
		out = out[int64(len(out))-limit:]
	}
	return out, nil
}

func number(s string) (int64, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("bad number: %w", err)
	}
	return n, nil
}

// Counters are the calls since the last reset.
type Counters struct {
	// Calls counts arrivals per action, Codes outcomes per action and code.
	Calls map[string]int            `json:"calls"`
	Codes map[string]map[string]int `json:"codes"`
}

func (h *handler) getCounters(*http.Request) (any, error) {
	return Counters{Calls: h.region.Journal.Calls(), Codes: h.region.Journal.Codes()}, nil
}

func (h *handler) deleteCounters(*http.Request) (any, error) {
	h.region.Journal.Reset()
	return done, nil
}

func (h *handler) getUsage(*http.Request) (any, error) { return h.region.Gateway.Usage(), nil }

func (h *handler) getFaults(*http.Request) (any, error) { return h.region.Faults.Rules(), nil }

// ID is the body that names what was made.
type ID[T any] struct {
	ID T `json:"id"`
}

func (h *handler) postFault(r *http.Request) (any, error) {
	var rule fault.Rule
	if err := read(r, &rule); err != nil {
		return nil, err
	}
	id, err := h.region.Faults.Add(rule)
	return ID[int]{id}, err
}

func (h *handler) deleteFaults(*http.Request) (any, error) {
	h.region.Faults.Clear()
	return done, nil
}

func (h *handler) deleteFault(r *http.Request) (any, error) {
	id, err := strconv.Atoi(r.PathValue("id"))
	if err != nil {
		return nil, fmt.Errorf("fault id: %w", err)
	}
	if !h.region.Faults.Remove(id) {
		return nil, api.Errorf(http.StatusNotFound, "NotFound", "There is no fault %d in force.", id)
	}
	return done, nil
}

func (h *handler) postServer(r *http.Request) (any, error) {
	var s ecs.ServerSeed
	if err := read(r, &s); err != nil {
		return nil, err
	}
	id, err := h.region.CreateServer(s)
	return ID[string]{id}, err
}

// server makes an endpoint of something that is done to the object of the path.
func (h *handler) server(act func(id string) error) func(*http.Request) (any, error) {
	return func(r *http.Request) (any, error) { return done, act(r.PathValue("id")) }
}

func (h *handler) releaseServer(r *http.Request) (any, error) {
	force := r.URL.Query().Get("force") == "true"
	return done, h.region.ReleaseServer(r.PathValue("id"), force)
}

func (h *handler) postKey(r *http.Request) (any, error) {
	var k ram.Key
	if err := read(r, &k); err != nil {
		return nil, err
	}
	return done, h.region.Identities.PutKey(k)
}

func (h *handler) deleteKey(r *http.Request) (any, error) {
	h.region.Identities.DeleteKey(r.PathValue("id"))
	return done, nil
}

func (h *handler) putPolicies(r *http.Request) (any, error) {
	var policies []ram.Policy
	if err := read(r, &policies); err != nil {
		return nil, err
	}
	return done, h.region.Identities.Attach(r.PathValue("id"), policies...)
}

func (h *handler) postRole(r *http.Request) (any, error) {
	var role ram.Role
	if err := read(r, &role); err != nil {
		return nil, err
	}
	return done, h.region.Identities.PutRole(role)
}

func (h *handler) deleteRole(r *http.Request) (any, error) {
	h.region.Identities.DeleteRole(r.PathValue("name"))
	return done, nil
}

func (h *handler) expireSessions(r *http.Request) (any, error) {
	h.region.Identities.ExpireSessions(h.region.Now(), r.URL.Query().Get("role"))
	return done, nil
}

// Clock is the simulated time.
type Clock struct {
	Now time.Time `json:"now"`
}

func (h *handler) getClock(*http.Request) (any, error) { return Clock{h.region.Now()}, nil }

func (h *handler) stepClock(r *http.Request) (any, error) {
	d, err := time.ParseDuration(r.URL.Query().Get("by"))
	if err != nil || d < 0 {
		return nil, fmt.Errorf("by=%q is no duration such as 1h", r.URL.Query().Get("by"))
	}
	h.region.Clock.Step(d)
	return Clock{h.region.Now()}, nil
}
