// Package apierror says what an error of the cloud's API means.
//
// Products answer with several hundred codes, some of them misspelt and some
// shared by opposite meanings. This package is the only place that knows them:
// everybody else asks errors.Is(err, apierror.ErrNotFound) and the like.
package apierror

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Error is one failed call, or one failed item of a batch call. It holds no
// secret: whoever fills it in has removed signatures, tokens and key ids.
type Error struct {
	// Product and Action name the operation, as the SDK spells them (Slb, DeleteLoadBalancer).
	Product, Action string
	// Code and Message are the API's own; both are empty when there was no answer.
	Code, Message string
	// RequestID is what the vendor's support asks for; empty without an answer.
	RequestID string
	// HTTPStatus is 0 without an answer.
	HTTPStatus int
	Kind       Kind
	// RetryAfter is the pause that the API asked for, or 0.
	RetryAfter time.Duration
	// Sent: the request may have been executed although no success was reported.
	Sent bool
	// Err is the cause when there was no answer (connection, time-out, context, fence).
	Err error
}

// New returns the error for an answer of the API, classified.
func New(product, action, code, message, requestID string, status int) *Error {
	kind := Classify(product, action, code, message, status)
	return &Error{
		Product: product, Action: action, Code: code, Message: message,
		RequestID: requestID, HTTPStatus: status, Kind: kind,
		Sent: kind == Unavailable,
	}
}

// Item returns the error for one item that failed inside an answer that
// succeeded (the FailedRouteEntries of the batch route calls, for example).
// The result is an *Error; the others of the batch are not concerned.
func Item(product, action, code, message string) error {
	return New(product, action, code, message, "", itemStatus)
}

// itemStatus is the HTTP status of the answer that carried the item.
const itemStatus = 200

// Error tells the operation, what happened, what to grant where a right is
// missing, and the request ID.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(strings.TrimPrefix(e.Product+"."+e.Action, "."))
	b.WriteString(": ")
	switch {
	case e.Code != "":
		b.WriteString(e.Code)
		if e.Message != "" {
			fmt.Fprintf(&b, ": %s", strings.TrimSpace(e.Message))
		}
	case e.Message != "":
		b.WriteString(strings.TrimSpace(e.Message))
	case e.Err == nil:
		b.WriteString(strings.ToLower(e.Kind.String()))
	}
	if e.Err != nil {
		if e.Code != "" || e.Message != "" {
			b.WriteString(": ")
		}
		b.WriteString(e.Err.Error())
	}
	if remedy := e.remedy(); remedy != "" {
		if !strings.HasSuffix(b.String(), ".") {
			b.WriteString(".")
		}
		b.WriteString(" " + remedy)
	}
	if e.Sent {
		b.WriteString(" (the request may have been executed)")
	}
	if e.HTTPStatus != 0 && e.HTTPStatus != itemStatus {
		fmt.Fprintf(&b, ", HTTP %d", e.HTTPStatus)
	}
	if e.RequestID != "" {
		fmt.Fprintf(&b, ", request ID %s", e.RequestID)
	}
	return b.String()
}

// remedy says which RAM action to grant, where its lack is what the call was
// refused for; else it is "". RAM names actions as the API does.
func (e *Error) remedy() string {
	switch e.Code {
	case "Forbidden", "Forbidden.RAM", "Forbbiden", "NoPermission":
	default:
		return ""
	}
	product := strings.ToLower(e.Product)
	grant := fmt.Sprintf("Grant %s:%s to the RAM user or role", product, e.Action)
	if product == "sts" {
		return grant // who becomes another role needs no more
	}
	return grant + " (deploy/ram/controller.json is the whole policy)"
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is the sentinel of the error's kind.
func (e *Error) Is(target error) bool {
	sentinel := kinds[e.Kind].sentinel
	return sentinel != nil && target == sentinel
}

// IsRetryable reports whether the same call may be tried again later with a
// chance of success: throttled, busy, unavailable. It does not say that the
// call was not executed; see Error.Sent.
func IsRetryable(err error) bool {
	switch KindOf(err) {
	case Throttled, Busy, Unavailable:
		return true
	case Unknown, NotFound, Conflict, Denied, Quota, Invalid:
		return false
	}
	return false
}

// KindOf returns the kind of the *Error in err's chain, or Unknown.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Unknown
}

// CodeOf returns the API's code of the *Error in err's chain, or "".
func CodeOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return ""
}

// MaybeExecuted reports whether the failed call may have been executed all the same.
func MaybeExecuted(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Sent
}
