// Package fault decides which requests of the simulator go wrong, and how.
package fault

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// Kind is what a fault does to a request.
type Kind string

// The kinds of faults. Those of the first group answer instead of the product:
// nothing changes. Those of the second let the product answer.
const (
	// Throttle answers 400 Throttling.User, or the rule's code.
	Throttle Kind = "Throttle"
	// ServerError answers 503 ServiceUnavailable, 500 InternalError when the
	// rule's status is 500, or the rule's code.
	ServerError Kind = "ServerError"
	// Deny answers 403 Forbidden.RAM, or the rule's code.
	Deny Kind = "Deny"
	// NonJSON answers a 502 page of HTML.
	NonJSON Kind = "NonJSON"
	// Empty answers 200 without a body.
	Empty Kind = "Empty"
	// Reset resets the connection before the request is handled.
	Reset Kind = "Reset"

	// Late handles the request only after the rule's delay, also when the client
	// has gone by then.
	Late Kind = "Late"
	// Delay handles the request at once and holds the reply back.
	Delay Kind = "Delay"
	// DelayBody sends the head and half the body at once, the rest after the delay.
	DelayBody Kind = "DelayBody"
	// DropReply handles the request and closes the connection without a reply.
	DropReply Kind = "DropReply"
	// EmptyList handles the request and empties the lists of the reply.
	EmptyList Kind = "EmptyList"
	// Hook calls the rule's Before and After; in-process only.
	Hook Kind = "Hook"
)

// Rule says which requests fail and how. Empty conditions match every request.
type Rule struct {
	ID int
	// Action is an action or a pattern such as Describe*.
	Action  string
	Product api.Product
	// Mutating restricts the rule to changing (true) or reading (false) actions.
	Mutating *bool
	// Skip lets so many matching requests pass first; Count ends the rule after
	// so many hits (0: never); Probability hits a share of them (0: all).
	Skip, Count int
	Probability float64

	Kind Kind
	// Code, Status and Message replace the kind's own.
	Code    string
	Status  int
	Message string
	// Delay belongs to Late, Delay and DelayBody, in simulated time.
	Delay time.Duration
	// RetryAfter is sent with a throttled answer as x-acs-retry-after.
	RetryAfter time.Duration

	// Before is called before the request is authenticated, After when the state
	// has changed and the reply is not yet on its way (not with kinds that answer
	// in the product's place). No lock is held: they may stop or kill the client,
	// or ask the simulator. Any kind can have them; Hook has nothing else.
	Before, After func(Event)
}

// Event is the request that a hook is called for.
type Event struct {
	Product   api.Product
	Action    string
	RequestID string
	Params    api.Params
	// Failure is the answer's error; nil before the request and after a success.
	Failure *api.Error
}

// Instead says that the fault answers in the product's place.
func (k Kind) Instead() bool {
	switch k {
	case Throttle, ServerError, Deny, NonJSON, Empty, Reset:
		return true
	case Late, Delay, DelayBody, DropReply, EmptyList, Hook:
		return false
	}
	return false
}

var kinds = map[Kind]bool{
	Throttle: true, ServerError: true, Deny: true, NonJSON: true, Empty: true, Reset: true,
	Late: true, Delay: true, DelayBody: true, DropReply: true, EmptyList: true, Hook: true,
}

// ErrRule is wrapped by every refusal of a rule.
var ErrRule = errors.New("bad fault rule")

// Validate refuses rules that could never do what they say.
func (r *Rule) Validate() error {
	switch {
	case !kinds[r.Kind]:
		return fmt.Errorf("%w: unknown kind %q", ErrRule, r.Kind)
	case r.Probability < 0 || r.Probability > 1:
		return fmt.Errorf("%w: probability %v is not between 0 and 1", ErrRule, r.Probability)
	case r.Skip < 0 || r.Count < 0 || r.Delay < 0 || r.RetryAfter < 0:
		return fmt.Errorf("%w: negative skip, count or delay", ErrRule)
	case r.Kind == Hook && r.Before == nil && r.After == nil:
		return fmt.Errorf("%w: a hook without a function", ErrRule)
	case (r.Kind == Late || r.Kind == Delay || r.Kind == DelayBody) && r.Delay == 0:
		return fmt.Errorf("%w: kind %s needs a delay", ErrRule, r.Kind)
	}
	if r.Status != 0 && (r.Status < 400 || r.Status > 599) {
		return fmt.Errorf("%w: status %d is no failure", ErrRule, r.Status)
	}
	if _, err := path.Match(r.Action, ""); err != nil {
		return fmt.Errorf("%w: action pattern %q: %w", ErrRule, r.Action, err)
	}
	return nil
}

// Failure is the error that a rule of kind Throttle, ServerError or Deny answers.
func (r *Rule) Failure() *api.Error {
	e := api.Error{Status: 503, Code: "ServiceUnavailable", Message: "The request has failed due to a temporary failure of the server."}
	switch {
	case r.Kind == Throttle:
		e = api.Error{Status: 400, Code: "Throttling.User", Message: "Request was denied due to user flow control."}
	case r.Kind == Deny:
		e = api.Error{Status: 403, Code: "Forbidden.RAM", Message: "User not authorized to operate on the specified resource, or this API doesn't support RAM."}
	case r.Status == 500:
		e = api.Error{Status: 500, Code: "InternalError", Message: "The request processing has failed due to some unknown error."}
	}
	if r.Status != 0 {
		e.Status = r.Status
	}
	if r.Code != "" {
		e.Code = r.Code
	}
	if r.Message != "" {
		e.Message = r.Message
	}
	return &e
}

func (r *Rule) matches(product api.Product, action string, mutating bool) bool {
	if r.Product != "" && r.Product != product {
		return false
	}
	if r.Mutating != nil && *r.Mutating != mutating {
		return false
	}
	if r.Action == "" || r.Action == action {
		return true
	}
	ok, err := path.Match(r.Action, action)
	return err == nil && ok
}

// wire is a rule as the admin interface and seeds write it.
type wire struct {
	ID          int         `json:"id,omitempty"`
	Action      string      `json:"action,omitempty"`
	Product     api.Product `json:"product,omitempty"`
	Mutating    *bool       `json:"mutating,omitempty"`
	Skip        int         `json:"skip,omitempty"`
	Count       int         `json:"count,omitempty"`
	Probability float64     `json:"probability,omitempty"`
	Kind        Kind        `json:"kind"`
	Code        string      `json:"code,omitempty"`
	Status      int         `json:"status,omitempty"`
	Message     string      `json:"message,omitempty"`
	Delay       string      `json:"delay,omitempty"`
	RetryAfter  string      `json:"retryAfter,omitempty"`
}

// MarshalJSON writes durations as strings and leaves the hooks out.
func (r Rule) MarshalJSON() ([]byte, error) {
	w := wire{
		ID: r.ID, Action: r.Action, Product: r.Product, Mutating: r.Mutating, Skip: r.Skip, Count: r.Count,
		Probability: r.Probability, Kind: r.Kind, Code: r.Code, Status: r.Status, Message: r.Message,
	}
	if r.Delay != 0 {
		w.Delay = r.Delay.String()
	}
	if r.RetryAfter != 0 {
		w.RetryAfter = r.RetryAfter.String()
	}
	return json.Marshal(w)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (r *Rule) UnmarshalJSON(raw []byte) error {
	var w wire
	if err := json.Unmarshal(raw, &w); err != nil {
		return err
	}
	delay, err := duration("delay", w.Delay)
	if err != nil {
		return err
	}
	retryAfter, err := duration("retryAfter", w.RetryAfter)
	if err != nil {
		return err
	}
	*r = Rule{
		ID: w.ID, Action: w.Action, Product: w.Product, Mutating: w.Mutating, Skip: w.Skip, Count: w.Count,
		Probability: w.Probability, Kind: w.Kind, Code: w.Code, Status: w.Status, Message: w.Message,
		Delay: delay, RetryAfter: retryAfter,
	}
	return nil
}

func duration(name, text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%w: %s: %w", ErrRule, name, err)
	}
	return d, nil
}
