package transport

import (
	"sync"

	"k8s.io/component-base/metrics"
	"k8s.io/component-base/metrics/legacyregistry"
)

// The metrics of the transport. product and action come from our own calls,
// code is "OK", "lost" (no usable answer), "other" or a code of the apierror
// table: all labels are bounded.
var (
	attemptsTotal = metrics.NewCounterVec(&metrics.CounterOpts{
		Name:           "aliyun_api_requests_total",
		Help:           "Requests sent to the cloud's API, each attempt counted, by product, action and the answer's code (OK, lost without an answer, other for codes that are not in the table).",
		StabilityLevel: metrics.ALPHA,
	}, []string{"product", "action", "code"})

	callsTotal = metrics.NewCounterVec(&metrics.CounterOpts{
		Name:           "aliyun_api_calls_total",
		Help:           "API calls made, however many attempts each took, by product, action and result (OK or the kind of error).",
		StabilityLevel: metrics.ALPHA,
	}, []string{"product", "action", "result"})

	requestSeconds = metrics.NewHistogramVec(&metrics.HistogramOpts{
		Name:           "aliyun_api_request_duration_seconds",
		Help:           "Time from sending a request to the cloud's API to its answer or loss, each attempt by itself, without waiting for the limiter.",
		Buckets:        []float64{0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8},
		StabilityLevel: metrics.ALPHA,
	}, []string{"product", "action"})

	throttledTotal = metrics.NewCounterVec(&metrics.CounterOpts{
		Name:           "aliyun_api_throttled_total",
		Help:           "Requests that the cloud's API refused by throttling.",
		StabilityLevel: metrics.ALPHA,
	}, []string{"product", "action"})

	limiterSeconds = metrics.NewHistogramVec(&metrics.HistogramOpts{
		Name:           "aliyun_api_limiter_wait_seconds",
		Help:           "Time an attempt waited for the client's own limiter before it was sent.",
		Buckets:        []float64{0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30},
		StabilityLevel: metrics.ALPHA,
	}, []string{"product", "action"})
)

// Metrics lists what the transport measures, for registration and documentation.
func Metrics() []metrics.Registerable {
	return []metrics.Registerable{attemptsTotal, callsTotal, requestSeconds, throttledTotal, limiterSeconds}
}

// The values of the code label that are not codes of the API.
const (
	codeOK   = "OK"
	codeLost = "lost"
)

var registerMetrics = sync.OnceFunc(func() {
	for _, m := range Metrics() {
		legacyregistry.MustRegister(m)
	}
})
