package transport

import (
	"strings"
	"testing"

	"k8s.io/component-base/metrics/legacyregistry"
	"k8s.io/component-base/metrics/testutil"
)

func TestAttemptsAndCallsAreCountedApart(t *testing.T) {
	legacyregistry.Reset()
	s := newServer(t, refusal("Throttling.User", 400), refusal("OperationBusy", 400), refusal("Made.Up.By.A.Proxy", 400))
	tr := newTransport(t, s.URL)
	if err := tr.Do(t.Context(), write()); err == nil {
		t.Fatal("succeeded")
	}
	if err := tr.Do(t.Context(), write()); err != nil {
		t.Fatal(err)
	}
	want := `
# HELP aliyun_api_calls_total [ALPHA] Calls of the cloud's API, however many attempts each took, by result (OK or the kind of error).
# TYPE aliyun_api_calls_total counter
aliyun_api_calls_total{action="AssumeRole",product="Sts",result="OK"} 1
aliyun_api_calls_total{action="AssumeRole",product="Sts",result="Unknown"} 1
# HELP aliyun_api_requests_total [ALPHA] Requests to the cloud's API, each attempt counted, by the answer's code (OK, an error code, other for an unknown one, lost without an answer).
# TYPE aliyun_api_requests_total counter
aliyun_api_requests_total{action="AssumeRole",code="OK",product="Sts"} 1
aliyun_api_requests_total{action="AssumeRole",code="OperationBusy",product="Sts"} 1
aliyun_api_requests_total{action="AssumeRole",code="Throttling",product="Sts"} 1
aliyun_api_requests_total{action="AssumeRole",code="other",product="Sts"} 1
# HELP aliyun_api_throttled_total [ALPHA] Requests that the cloud's API refused by throttling.
# TYPE aliyun_api_throttled_total counter
aliyun_api_throttled_total{action="AssumeRole",product="Sts"} 1
`
	if err := testutil.GatherAndCompare(legacyregistry.DefaultGatherer, strings.NewReader(want),
		"aliyun_api_calls_total", "aliyun_api_requests_total", "aliyun_api_throttled_total"); err != nil {
		t.Error(err)
	}
	for name, observed := range map[string]uint64{"aliyun_api_request_duration_seconds": 4, "aliyun_api_limiter_wait_seconds": 4} {
		vec, err := testutil.GetHistogramVecFromGatherer(legacyregistry.DefaultGatherer, name, map[string]string{"action": "AssumeRole"})
		if err != nil || vec.GetAggregatedSampleCount() != observed {
			t.Errorf("%s: %d, %v", name, vec.GetAggregatedSampleCount(), err)
		}
	}
}
