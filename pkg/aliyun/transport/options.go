package transport

import (
	"net/http"
	"time"

	"k8s.io/utils/clock"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/credentials"
)

// Options configure New. Region and Credentials are required.
type Options struct {
	Region      string
	Credentials credentials.Source
	// Endpoints overrides the computed endpoints: host[:port] (HTTPS) or a URL.
	Endpoints map[Product]string
	// Network is "vpc" (default) or "public": which of the default endpoints are used.
	Network string
	// InsecureEndpoints allows http:// endpoints other than loopback ones.
	InsecureEndpoints bool
	// CABundle holds PEM certificates trusted beside the system's.
	CABundle []byte
	// Timeout bounds one attempt; default 10 s.
	Timeout time.Duration
	// MaxAttempts bounds the attempts of a call; default 6. Busy answers have
	// their own bound.
	MaxAttempts int
	// BusyBudget bounds how long a call is repeated while the API answers that
	// the object is busy; default 20 s.
	BusyBudget time.Duration
	// UserAgent is appended to the SDK's.
	UserAgent string
	// Fence is asked before each attempt of a mutating call; an error means not sent.
	Fence func() error
	// RoundTripper replaces the transport's own connection pool (tests).
	RoundTripper http.RoundTripper
	// Clock defaults to the real one.
	Clock clock.WithDelayedExecution
	// Limits are keyed by "Product.Action", "Product" or "" (all), first match wins.
	Limits map[string]Limit
	// Observe is called after each attempt, from the calling goroutine; it must not block.
	Observe func(Attempt)
}

// Limit bounds one (product, action).
type Limit struct {
	// Max is the rate in calls a second that is never exceeded; 0: none until throttled.
	Max float64
	// Min is the rate that throttling never goes below; 0: the default.
	Min float64
	// InFlight bounds the calls in flight; 0: the default.
	InFlight int
}

// Attempt is one try of a call, as Observe sees it.
type Attempt struct {
	Product  Product
	Action   string
	Mutating bool
	// Number is 1 for a call's first attempt.
	Number int
	// Code is "OK", the API's error code, or "lost" without a usable answer.
	Code      string
	RequestID string
	Start     time.Time
	Duration  time.Duration
	// Params are the request's business parameters (no credentials, no signature).
	Params map[string]string
}
