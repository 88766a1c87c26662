// Package transport is the one pipeline of every API call: fence, limiter,
// credentials, signature, deadline, classification, retry, redaction, metrics.
package transport

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/responses"
	"k8s.io/klog/v2"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/credentials"
)

// Product names an API as the SDK does.
type Product string

// The products we call.
const (
	Ecs Product = "Ecs"
	Vpc Product = "Vpc"
	Slb Product = "Slb"
	Sts Product = "Sts"
)

// Call is one API call.
type Call struct {
	Product  Product
	Request  requests.AcsRequest
	Response responses.AcsResponse
	// Mutating calls ask the fence before each attempt.
	Mutating bool
	// Repeatable calls may be sent again after a lost reply: reads, calls with
	// a client token, deletes and sets whose repetition changes nothing.
	Repeatable bool
}

// Doer sends calls. The typed packages depend on this alone.
type Doer interface {
	// Do fills in call.Response or returns an *apierror.Error.
	Do(ctx context.Context, call Call) error
}

// ErrFenced means that a mutating call was not sent because the fence forbade it.
var ErrFenced = errors.New("not sent: this process may not write now")

// Transport implements Doer. It is safe for concurrent use.
type Transport struct {
	opts        Options
	endpoints   map[Product]endpoint
	clients     *clientPool
	limiters    *limiters
	connections *http.Transport // nil with a RoundTripper of the caller's
}

// idleClients is how many SDK clients are kept for re-use.
const idleClients = 64

// New checks the options, all of them at once, and returns a transport; it sends nothing.
func New(opts Options) (*Transport, error) {
	opts = opts.withDefaults()
	hosts, endpointErr := endpoints(opts)
	t := &Transport{opts: opts, endpoints: hosts, limiters: &limiters{opts: opts, all: map[string]*limiter{}}}
	base := opts.RoundTripper
	var connErr error
	if base == nil {
		if t.connections, connErr = newConnections(opts.CABundle); connErr == nil {
			base = t.connections
		}
	}
	if err := errors.Join(opts.validate(), endpointErr, connErr); err != nil {
		return nil, fmt.Errorf("API transport: %w", err)
	}
	t.clients = &clientPool{
		region: opts.Region, userAgent: opts.UserAgent, timeout: opts.Timeout,
		base: base, idle: make(chan *client, idleClients),
	}
	return t, nil
}

// Close closes idle connections. Calls in flight go on.
func (t *Transport) Close() {
	if t.connections != nil {
		t.connections.CloseIdleConnections()
	}
}

// Do implements Doer. The error is an *apierror.Error; errors.Is tells its kind,
// ErrFenced, and the context's errors. The reply is whole or not to be used.
func (t *Transport) Do(ctx context.Context, call Call) error {
	op := newOperation(call)
	logger := klog.FromContext(ctx)
	start := t.opts.Clock.Now()
	requestID, failure := t.run(ctx, op)
	replace(call.Request.GetQueryParams(), op.query)
	replace(call.Request.GetFormParams(), op.form)

	result := codeOK
	if failure != nil {
		failure.Sent = failure.Sent || op.sent
		result = failure.Kind.String()
	}
	callsTotal.WithLabelValues(string(op.product), op.action, result).Inc()
	logger.V(4).Info("API call", "product", op.product, "action", op.action, "result", result,
		"attempts", op.attempt, "duration", t.opts.Clock.Since(start), "requestID", requestID)
	if failure != nil {
		return failure
	}
	return nil
}

// run repeats attempts until one succeeds or repeating is wrong.
func (t *Transport) run(ctx context.Context, op *operation) (requestID string, failure *apierror.Error) {
	for {
		op.attempt++
		key, requestID, failure := t.attempt(ctx, op)
		if failure == nil {
			return requestID, nil
		}
		op.sent = op.sent || failure.Sent
		if ctx.Err() != nil || errors.Is(failure, ErrFenced) {
			return requestID, failure
		}
		if t.rekey(ctx, op, key, failure) {
			continue
		}
		wait, again := t.pause(op, failure)
		if !again {
			return requestID, failure
		}
		if err := t.sleep(ctx, wait); err != nil {
			failure.Err = err
			return requestID, failure
		}
	}
}

// attempt takes the call through the pipeline once.
func (t *Transport) attempt(ctx context.Context, op *operation) (key credentials.Credentials, requestID string, failure *apierror.Error) {
	if failure := t.fence(op); failure != nil {
		return key, "", failure
	}
	limiter := t.limiters.of(op.product, op.action)
	queued := t.opts.Clock.Now()
	if err := limiter.acquire(ctx, priorityOf(ctx)); err != nil {
		return key, "", op.failure(fmt.Errorf("waiting for the rate limiter: %w", err))
	}
	var judged verdict
	defer func() { limiter.release(judged) }()
	limiterSeconds.WithLabelValues(string(op.product), op.action).Observe(t.opts.Clock.Since(queued).Seconds())

	key, err := t.opts.Credentials.Get(ctx)
	if err != nil {
		return key, "", op.failure(fmt.Errorf("credentials: %w", err))
	}
	// Asked again: waiting may have taken longer than the right to write lasted.
	if failure := t.fence(op); failure != nil {
		return key, "", failure
	}
	start := time.Now()
	requestID, failure = t.send(ctx, op, key)
	judged = judge(failure)
	t.record(ctx, op, start, requestID, failure)
	return key, requestID, failure
}

func (t *Transport) fence(op *operation) *apierror.Error {
	if !op.call.Mutating {
		return nil
	}
	if err := t.opts.Fence(); err != nil {
		return op.failure(fmt.Errorf("%w: %w", ErrFenced, err))
	}
	return nil
}

// rekey reports whether the API refused the credentials and others are to be
// had now. It does so once a call.
func (t *Transport) rekey(ctx context.Context, op *operation, refused credentials.Credentials, failure *apierror.Error) bool {
	if op.rekeyed || !apierror.CredentialsRefused(failure.Code) {
		return false
	}
	op.rekeyed = true
	if source, ok := t.opts.Credentials.(credentials.Invalidator); ok {
		source.Invalidate(refused)
	}
	fresh, err := t.opts.Credentials.Get(ctx)
	return err == nil && (fresh.AccessKeyID != refused.AccessKeyID ||
		fresh.AccessKeySecret != refused.AccessKeySecret || fresh.SecurityToken != refused.SecurityToken)
}

// sleep waits, unless ctx ends before: then there is no point in waiting at all.
func (t *Transport) sleep(ctx context.Context, d time.Duration) error {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < d {
		return fmt.Errorf("no time left to try again: %w", context.DeadlineExceeded)
	}
	timer := t.opts.Clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C():
		return nil
	case <-ctx.Done():
		return fmt.Errorf("gave up waiting to try again: %w", ended(ctx))
	}
}
