package transport

import "github.com/kube-aliyun/kube-aliyun/pkg/metric"

// The metrics of the transport. product and action come from our own calls,
// code is "OK", "lost" (no usable answer), "other" or a code of the apierror
// table, result is "OK" or a kind of error: all labels are bounded.
var (
	attemptsTotal = metric.NewCounter("aliyun_api_requests_total",
		"Requests to the cloud's API, each attempt counted, by the answer's code (OK, an error code, other for an unknown one, lost without an answer).",
		"发往云 API 的请求数（每次尝试都计入），按应答代码区分（OK、错误码、未知错误码为 other、无应答为 lost）。",
		"product", "action", "code")

	callsTotal = metric.NewCounter("aliyun_api_calls_total",
		"Calls of the cloud's API, however many attempts each took, by result (OK or the kind of error).",
		"云 API 调用数（不论尝试了几次），按结果区分（OK 或错误类别）。",
		"product", "action", "result")

	requestSeconds = metric.NewHistogram("aliyun_api_request_duration_seconds",
		"Time from sending a request to the cloud's API to its answer or loss, each attempt by itself, without the wait for the limiter.",
		"向云 API 发出请求到收到应答（或确认丢失）的时间，按每次尝试计，不含限流等待。",
		[]float64{0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8},
		"product", "action")

	throttledTotal = metric.NewCounter("aliyun_api_throttled_total",
		"Requests that the cloud's API refused by throttling.",
		"被云 API 限流拒绝的请求数。",
		"product", "action")

	limiterSeconds = metric.NewHistogram("aliyun_api_limiter_wait_seconds",
		"Time that a request waited for the client's own limiter before it was sent.",
		"请求在发出前等待客户端自身限流器的时间。",
		[]float64{0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30},
		"product", "action")
)

// The values of the code label that are not codes of the API.
const (
	codeOK   = "OK"
	codeLost = "lost"
)
