package transport

import (
	"context"
	"strings"
	"time"

	"k8s.io/klog/v2"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
)

// record counts, logs and reports one attempt that was sent.
func (t *Transport) record(ctx context.Context, op *operation, start time.Time, requestID string, failure *apierror.Error) {
	took := time.Since(start)
	product, code, label := string(op.product), codeOK, codeOK
	switch {
	case failure == nil:
	case failure.Code == "":
		code, label = codeLost, codeLost
	default:
		code, label = failure.Code, apierror.Label(failure.Code)
	}
	attemptsTotal.WithLabelValues(product, op.action, label).Inc()
	requestSeconds.WithLabelValues(product, op.action).Observe(took.Seconds())
	if failure != nil && failure.Kind == apierror.Throttled {
		throttledTotal.WithLabelValues(product, op.action).Inc()
	}
	if logger := klog.FromContext(ctx).V(6); logger.Enabled() {
		logger.Info("API request", "product", op.product, "action", op.action, "attempt", op.attempt,
			"code", code, "duration", took, "requestID", requestID)
	}
	if t.opts.Observe != nil {
		t.opts.Observe(Attempt{
			Product: op.product, Action: op.action, Mutating: op.call.Mutating, Number: op.attempt,
			Code: code, RequestID: requestID, Start: start, Duration: took, Params: op.params(),
		})
	}
}

// judge tells the limiter what an attempt says about the API's limits. Lost
// replies and authentication failures say nothing.
func judge(failure *apierror.Error) verdict {
	if failure == nil {
		return verdict{accepted: true}
	}
	switch failure.Kind {
	case apierror.Throttled:
		return verdict{
			throttled: true, retryAfter: failure.RetryAfter,
			concurrency: strings.Contains(failure.Code, "Concurren"),
		}
	case apierror.Unavailable, apierror.Denied, apierror.Unknown:
		return verdict{}
	case apierror.NotFound, apierror.Conflict, apierror.Busy, apierror.Quota, apierror.Invalid:
		return verdict{accepted: true}
	}
	return verdict{}
}
