package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/fault"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/journal"
)

// exchange is one request on its way through the gateway.
type exchange struct {
	g       *Gateway
	w       http.ResponseWriter
	r       *http.Request
	knobs   *Knobs
	params  api.Params
	product api.Product
	action  *action
	entry   journal.Entry
	rules   []fault.Rule
	arrived time.Time
	latency time.Duration
}

// answer is what goes out: a body, or a failure.
type answer struct {
	body    json.RawMessage
	failure *failure
}

// failure is an api.Error with what only the gateway adds.
type failure struct {
	*api.Error
	denied     *deniedDetail
	retryAfter time.Duration
}

func failed(err *api.Error) answer { return answer{failure: &failure{Error: err}} }

func (g *Gateway) serve(ctx context.Context, w http.ResponseWriter, r *http.Request, only api.Product) {
	x := &exchange{g: g, w: w, r: r, knobs: g.knobs.Load(), arrived: g.clock.Now()}
	params, malformed := readParams(r)
	x.params = params
	x.product = versions[params["Version"]]
	if only != "" && x.product != only {
		x.product = ""
	}
	x.action = g.actions[actionKey{x.product, params["Action"]}]
	x.entry = journal.Entry{
		RequestID: newRequestID(), Time: x.arrived, Method: r.Method, Product: x.product, Action: params["Action"],
		Mutating: x.mutating(), Key: params["AccessKeyId"], Params: journal.Public(params),
	}
	g.journal.Begin(&x.entry)
	if malformed != nil {
		x.reply(failed(malformed))
		return
	}
	x.rules = g.faults.Pick(x.product, x.entry.Action, x.entry.Mutating)
	if x.before(ctx) {
		return
	}
	x.latency = g.latency(x.knobs, x.entry.Action)
	result := x.handle()
	x.after(ctx, result)
}

func (x *exchange) mutating() bool { return x.action != nil && x.action.Mutating }

// handle authenticates, authorises, checks and runs the request.
func (x *exchange) handle() answer {
	if x.product == "" {
		return failed(api.Errorf(http.StatusBadRequest, "InvalidVersion", "The specified parameter Version is not valid."))
	}
	if x.action == nil {
		return failed(api.Errorf(http.StatusNotFound, "InvalidAction.NotFound",
			"Specified api is not found, please check your url and method."))
	}
	caller, err := x.authenticate()
	if err != nil {
		return failed(err)
	}
	if f := x.authorise(caller); f != nil {
		return x.denied(f)
	}
	if err := x.check(); err != nil {
		return failed(err)
	}
	if f := x.limit(caller.Account); f != nil {
		return answer{failure: f}
	}
	x.g.usage.called(x.entry.Action)
	return x.run(&api.Call{
		Product: x.product, Action: x.entry.Action, RegionID: x.g.region, RequestID: x.entry.RequestID,
		Latency: x.latency, Params: x.params, Account: caller.Account, Principal: caller.ARN,
	})
}

// check refuses unknown regions, unknown parameters (in strict mode) and the
// absence of required ones.
func (x *exchange) check() *api.Error {
	if region := x.params["RegionId"]; region != "" && region != x.g.region && x.product != api.STS {
		return api.Errorf(http.StatusNotFound, "InvalidRegionId.NotFound", "The specified RegionId %q does not exist.", region)
	}
	if format := x.params["Format"]; x.knobs.Strict && format != "JSON" {
		return api.Errorf(http.StatusBadRequest, "InvalidParameter.Format",
			"The simulator answers JSON alone, and the cloud answers XML unless Format is JSON; it is %q.", format)
	}
	for name := range x.params {
		if x.action.schema.knows(name) {
			continue
		}
		x.g.usage.unknown(x.entry.Action, name)
		if x.knobs.Strict {
			return api.Errorf(http.StatusBadRequest, "UnknownParameter",
				"The action %s has no parameter %q. (The cloud ignores it; the simulator's strict mode does not.)", x.entry.Action, name)
		}
	}
	for _, name := range x.action.Required {
		if x.params[name] == "" {
			return api.Missing(name)
		}
	}
	return nil
}

// run lets the product answer, under the region's lock.
func (x *exchange) run(call *api.Call) (result answer) {
	x.g.lock.Lock()
	defer x.g.lock.Unlock()
	defer func() {
		if p := recover(); p != nil {
			result = failed(api.Errorf(http.StatusInternalServerError, "InternalError",
				"The simulator failed: %v\n%s", p, debug.Stack()))
		}
	}()
	call.Now = x.g.clock.Now()
	x.arrived = call.Now
	for _, p := range x.g.products {
		p.Advance(call.Now)
	}
	reply, err := x.action.Handle(call)
	if err != nil {
		return failed(err)
	}
	// Encoded under the lock, because a reply may share parts with the state.
	body, encodeErr := encode(reply)
	if encodeErr != nil {
		return failed(api.Errorf(http.StatusInternalServerError, "InternalError", "The simulator cannot encode its reply: %v", encodeErr))
	}
	return answer{body: body}
}

// reply finishes the journal entry and sends the answer.
func (x *exchange) reply(a answer) {
	head, body := x.compose(a)
	x.finish(a, head)
	if a.failure != nil {
		a.failure.header(x.w.Header())
	}
	x.send(head, body)
}

// compose makes the status and the body of an answer.
func (x *exchange) compose(a answer) (int, []byte) {
	if f := a.failure; f != nil {
		return f.Status, failureBody(x.entry.RequestID, x.r.Host, f)
	}
	return http.StatusOK, successBody(x.entry.RequestID, a.body)
}

func (x *exchange) send(status int, body []byte) {
	h := x.w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("X-Acs-Request-Id", x.entry.RequestID)
	x.w.WriteHeader(status)
	// The client may have gone; it is its loss.
	_, _ = x.w.Write(body)
}

// finish records the outcome; status 0 means that no reply is sent.
func (x *exchange) finish(a answer, status int) {
	code := journal.OK
	if a.failure != nil {
		code, x.entry.Message = a.failure.Code, a.failure.Message
	}
	x.finishAs(code, status)
}

func (x *exchange) finishAs(code string, status int) {
	x.entry.Code, x.entry.Status = code, status
	x.entry.Duration = x.g.clock.Now().Sub(x.entry.Time)
	x.g.journal.End(&x.entry)
	if x.g.observe != nil {
		x.g.observe(x.entry)
	}
}

// errStopped ends a request whose client or gateway has gone.
var errStopped = errors.New("no reply")

// abort closes the connection without a reply.
func abort() {
	panic(http.ErrAbortHandler)
}

// hold waits before the reply; errStopped when the client has gone.
func (x *exchange) hold(ctx context.Context, until time.Time) error {
	if !x.g.clock.Now().Before(until) {
		return nil
	}
	if err := x.g.wait(ctx, until); err != nil {
		return fmt.Errorf("%w: %w", errStopped, err)
	}
	return nil
}
