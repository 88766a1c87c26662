package transport

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"k8s.io/utils/clock"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/credentials"
)

// Options configure New. Region and Credentials are required.
type Options struct {
	Region      string
	Credentials credentials.Source
	// Endpoints overrides the computed endpoints: host[:port] (HTTPS) or a URL.
	// An empty one overrides nothing.
	Endpoints map[Product]string
	// Network is "vpc" (default) or "public": which of the default endpoints are used.
	Network string
	// InsecureEndpoints allows http:// endpoints other than loopback ones.
	InsecureEndpoints bool
	// CABundle holds PEM certificates trusted beside the system's.
	CABundle []byte
	// Timeout bounds one attempt; default 10 s.
	Timeout time.Duration
	// Grace is how long a changing call in flight may go on after its context was
	// cancelled, to learn its outcome; default none. Deadlines are kept.
	Grace time.Duration
	// MaxAttempts bounds the attempts of a call that is throttled or gets no
	// answer; default 6. Busy answers have their own bound.
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
	// Clock defaults to the real one. It times the limiter and the pauses
	// between attempts, not the attempts themselves.
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
	// Min is the rate that throttling never goes below; 0: 2 a second.
	Min float64
	// InFlight bounds the calls in flight; 0: 64.
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

const (
	defaultTimeout     = 10 * time.Second
	defaultMaxAttempts = 6
	defaultBusyBudget  = 20 * time.Second
	defaultMinRate     = 2
	defaultInFlight    = 64
)

func (o Options) withDefaults() Options {
	if o.Network == "" {
		o.Network = NetworkVPC
	}
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	if o.MaxAttempts <= 0 {
		o.MaxAttempts = defaultMaxAttempts
	}
	if o.BusyBudget <= 0 {
		o.BusyBudget = defaultBusyBudget
	}
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	if o.Fence == nil {
		o.Fence = func() error { return nil }
	}
	return o
}

func (o Options) validate() error {
	var problems []error
	if !regionPattern.MatchString(o.Region) {
		problems = append(problems, fmt.Errorf("region %q is not a region id such as cn-hangzhou", o.Region))
	}
	if o.Credentials == nil {
		problems = append(problems, errors.New("no source of credentials"))
	}
	// The SDK reads this variable when it is loaded and then prints every signed request.
	if slices.Contains(strings.Split(os.Getenv("DEBUG"), ","), "sdk") {
		problems = append(problems, errors.New("the environment has DEBUG=sdk, which makes the SDK print signed requests; remove it"))
	}
	return errors.Join(problems...)
}

// limit returns the configured limit of one action with the defaults filled in.
func (o Options) limit(product Product, action string) Limit {
	var limit Limit
	for _, key := range []string{string(product) + "." + action, string(product), ""} {
		if l, ok := o.Limits[key]; ok {
			limit = l
			break
		}
	}
	if limit.Min <= 0 {
		limit.Min = defaultMinRate
	}
	if limit.Max > 0 {
		limit.Min = min(limit.Min, limit.Max)
	}
	if limit.InFlight <= 0 {
		limit.InFlight = defaultInFlight
	}
	return limit
}
