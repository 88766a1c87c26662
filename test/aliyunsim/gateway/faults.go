package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/fault"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/journal"
)

// before applies the faults that come before the product. It reports whether the
// request is finished.
func (x *exchange) before(ctx context.Context) bool {
	for i := range x.rules {
		rule := &x.rules[i]
		x.entry.Fault = string(rule.Kind)
		if rule.Before != nil {
			rule.Before(x.event(nil))
		}
		switch {
		case rule.Kind == fault.Late:
			// The client may be gone by then: that is the point.
			if x.g.wait(context.WithoutCancel(ctx), x.arrived.Add(rule.Delay)) != nil {
				x.gone()
			}
		case rule.Kind.Instead():
			x.instead(rule)
			return true
		}
	}
	return false
}

// instead answers in the product's place.
func (x *exchange) instead(rule *fault.Rule) {
	switch rule.Kind {
	case fault.Reset:
		x.finishAs(journal.Reset, 0)
		reset(x.w)
	case fault.NonJSON:
		x.finishAs("NonJSON", http.StatusBadGateway)
		x.w.Header().Set("Content-Type", "text/html")
		x.w.WriteHeader(http.StatusBadGateway)
		_, _ = x.w.Write([]byte("<html><head><title>502 Bad Gateway</title></head><body>Bad Gateway</body></html>\n"))
	case fault.Empty:
		x.finishAs("Empty", http.StatusOK)
		x.w.WriteHeader(http.StatusOK)
	case fault.Throttle, fault.ServerError, fault.Deny:
		x.reply(answer{failure: &failure{Error: rule.Failure(), retryAfter: rule.RetryAfter}})
	case fault.Late, fault.Delay, fault.DelayBody, fault.DropReply, fault.EmptyList, fault.Hook:
	}
}

// after waits out the latency, applies the faults that come after the product,
// and replies.
func (x *exchange) after(ctx context.Context, a answer) {
	until := x.arrived.Add(x.latency)
	var drop bool
	var body time.Duration
	for i := range x.rules {
		rule := &x.rules[i]
		if rule.After != nil {
			rule.After(x.event(a.failure))
		}
		switch rule.Kind {
		case fault.Delay:
			until = until.Add(rule.Delay)
		case fault.DelayBody:
			body += rule.Delay
		case fault.DropReply:
			drop = true
		case fault.EmptyList:
			a.body = emptied(x.entry.Action, rule.Action, a.body)
		case fault.Hook, fault.Throttle, fault.ServerError, fault.Deny, fault.NonJSON, fault.Empty, fault.Reset, fault.Late:
		}
	}
	if x.hold(ctx, until) != nil {
		x.gone()
	}
	switch {
	case drop && a.failure == nil:
		x.finishAs(journal.DroppedReply, 0)
		abort()
	case drop:
		x.finish(a, 0)
		abort()
	case body > 0:
		x.slowly(ctx, a, body)
	default:
		x.reply(a)
	}
}

// slowly sends the head and half the body, and the rest after the delay.
func (x *exchange) slowly(ctx context.Context, a answer, delay time.Duration) {
	status, body := x.compose(a)
	x.finish(a, status)
	half := len(body) / 2
	x.send(status, body[:half])
	if err := http.NewResponseController(x.w).Flush(); err != nil {
		abort()
	}
	if x.hold(ctx, x.g.clock.Now().Add(delay)) != nil {
		abort()
	}
	_, _ = x.w.Write(body[half:])
}

// gone ends a request whose client, or gateway, has gone.
func (x *exchange) gone() {
	x.finishAs(journal.Gone, 0)
	abort()
}

func (x *exchange) event(f *failure) fault.Event {
	e := fault.Event{Product: x.product, Action: x.entry.Action, RequestID: x.entry.RequestID, Params: x.params}
	if f != nil {
		e.Failure = f.Error
	}
	return e
}

// reset makes the client see "connection reset by peer".
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		abort()
	}
	raw := conn
	if wrapped, ok := conn.(interface{ NetConn() net.Conn }); ok {
		raw = wrapped.NetConn()
	}
	if tcp, ok := raw.(*net.TCPConn); ok {
		// Without lingering, close sends RST; should it fail, the client sees EOF.
		_ = tcp.SetLinger(0)
	}
	_ = raw.Close()
}

// emptied empties the lists at the top of a reply, with the count and the token
// that go with them. Replies about one object are left alone unless the rule
// names their action.
func emptied(action, pattern string, body json.RawMessage) json.RawMessage {
	if body == nil || strings.Contains(action, "Attribute") && pattern != action {
		return body
	}
	var reply map[string]json.RawMessage
	if err := json.Unmarshal(body, &reply); err != nil {
		return body
	}
	for name, value := range reply {
		switch {
		case name == "TotalCount" || name == "Total":
			reply[name] = json.RawMessage("0")
		case name == "NextToken":
			reply[name] = json.RawMessage(`""`)
		case bytes.HasPrefix(value, []byte("[")):
			reply[name] = json.RawMessage("[]")
		case bytes.HasPrefix(value, []byte("{")):
			reply[name] = emptiedWrapper(value)
		}
	}
	out, err := json.Marshal(reply)
	if err != nil {
		panic(fmt.Sprintf("a decoded reply cannot be encoded: %v", err))
	}
	return out
}

// emptiedWrapper empties the array of an object such as {"Instance":[...]}.
func emptiedWrapper(value json.RawMessage) json.RawMessage {
	var wrapper map[string]json.RawMessage
	if err := json.Unmarshal(value, &wrapper); err != nil || len(wrapper) != 1 {
		return value
	}
	for name, list := range wrapper {
		if bytes.HasPrefix(list, []byte("[")) {
			return json.RawMessage(fmt.Sprintf(`{%q:[]}`, name))
		}
	}
	return value
}
