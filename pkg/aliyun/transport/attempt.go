package transport

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	sdkerrors "github.com/aliyun/alibaba-cloud-sdk-go/sdk/errors"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/credentials"
)

var (
	errNoAnswer  = errors.New("no answer in time")
	errEmpty     = errors.New("the answer is empty")
	errNoRequest = errors.New("the answer has no RequestId, so it is not the API's")
)

// send makes one attempt. key signs it. The request must be pristine: the SDK
// leaves its parameters, its signature and the token of the credentials behind.
func (t *Transport) send(ctx context.Context, op *operation, key credentials.Credentials) (requestID string, failure *apierror.Error) {
	c, err := t.clients.get()
	if err != nil {
		return "", op.failure(err)
	}
	inFlight, land := ctx, func() {}
	if op.call.Mutating {
		inFlight, land = linger(ctx, t.opts.Grace)
	}
	defer land()
	attemptCtx, cancel := context.WithTimeoutCause(inFlight, t.opts.Timeout, fmt.Errorf("%w (%s): %w", errNoAnswer, t.opts.Timeout, context.DeadlineExceeded))
	defer cancel()
	op.prepare(t.endpoints[op.product])
	c.key.current = key
	var gate func() error
	if op.call.Mutating {
		gate = t.opts.Fence
	}
	c.wire.begin(attemptCtx, gate)

	err = doAction(c, op.call)
	fenced := c.wire.refusal()
	status, header, sent := c.wire.status, c.wire.header, c.wire.maybeSent()
	t.clients.put(c)

	if err == nil {
		requestID, err = op.readReply()
		if err == nil {
			return requestID, nil
		}
	}
	if answer, ok := errors.AsType[*sdkerrors.ServerError](err); ok {
		return answer.RequestId(), op.refused(answer, header, key)
	}
	if unwilling, ok := errors.AsType[*apierror.Error](err); ok {
		return requestID, unwilling
	}
	switch {
	case fenced != nil:
		err, sent = fmt.Errorf("%w: %w", ErrFenced, fenced), false
	case ctx.Err() != nil:
		err = ended(ctx)
	case attemptCtx.Err() != nil:
		err = context.Cause(attemptCtx)
	}
	failure = op.failure(cleanCause(err, key))
	failure.HTTPStatus = status
	failure.Sent = sent
	return "", failure
}

// ended tells why ctx is over: its error, so that errors.Is knows it, and its cause.
func ended(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if errors.Is(cause, err) {
		return cause //nolint:wrapcheck // the caller names the operation
	}
	return fmt.Errorf("%w: %w", err, cause)
}

// doAction calls the SDK, which panics on replies whose Code or RequestId is no string.
func doAction(c *client, call Call) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the answer cannot be read: %v", r)
		}
	}()
	return c.sdk.DoAction(call.Request, call.Response) //nolint:wrapcheck // taken apart by the caller
}

// prepare puts the request and the reply into the state of a first attempt.
func (op *operation) prepare(e endpoint) {
	request := op.call.Request
	replace(request.GetQueryParams(), op.query)
	replace(request.GetFormParams(), op.form)
	request.SetScheme(e.scheme)
	request.SetDomain(e.host)
	if op.attempt == 1 {
		return
	}
	reply := reflect.ValueOf(op.call.Response).Elem()
	for i := range reply.NumField() {
		if field := reply.Field(i); field.CanSet() && !reply.Type().Field(i).Anonymous {
			field.SetZero()
		}
	}
}

func replace(m, with map[string]string) {
	clear(m)
	maps.Copy(m, with)
}

// readReply returns the RequestId of a 2xx reply. An empty body, or one without
// a RequestId, decodes without an error and would pass for an empty list.
func (op *operation) readReply() (requestID string, err error) {
	if len(op.call.Response.GetHttpContentBytes()) == 0 {
		return "", errEmpty
	}
	reply := reflect.ValueOf(op.call.Response).Elem()
	requestID = textField(reply, "RequestId")
	if requestID == "" {
		return "", errNoRequest
	}
	// A few replies of the VPC API say inside what others say by their status.
	success, code := reply.FieldByName("Success"), textField(reply, "Code")
	if success.IsValid() && success.Kind() == reflect.Bool && !success.Bool() && !saysOK[code] {
		return requestID, apierror.New(string(op.product), op.action, code, textField(reply, "Message"),
			requestID, op.call.Response.GetHttpStatus())
	}
	return requestID, nil
}

// saysOK are the values of Code inside a reply that are no error.
var saysOK = map[string]bool{"": true, "200": true, "OK": true, "Success": true}

func textField(reply reflect.Value, name string) string {
	field := reply.FieldByName(name)
	if !field.IsValid() || field.Kind() != reflect.String {
		return ""
	}
	return field.String()
}

// refused turns the API's refusal into our error.
func (op *operation) refused(refusal *sdkerrors.ServerError, header http.Header, key credentials.Credentials) *apierror.Error {
	message := redact(refusal.Message(), key)
	if strings.HasPrefix(refusal.Recommend(), "InvalidAccessKeySecret") {
		message += " The access key secret does not belong to the access key id."
	}
	e := apierror.New(string(op.product), op.action, redact(refusal.ErrorCode(), key), message,
		refusal.RequestId(), refusal.HttpStatus())
	e.RetryAfter = retryAfter(header)
	return e
}

// retryAfter reads how long the API asks us to wait: x-acs-retry-after in
// milliseconds, or the standard header in seconds.
func retryAfter(header http.Header) time.Duration {
	for name, unit := range map[string]time.Duration{"X-Acs-Retry-After": time.Millisecond, "Retry-After": time.Second} {
		if n, err := strconv.ParseInt(header.Get(name), 10, 32); err == nil && n > 0 {
			return time.Duration(n) * unit
		}
	}
	return 0
}
