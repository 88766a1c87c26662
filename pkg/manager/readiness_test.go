package manager

import (
	"net/http/httptest"
	"strings"
	"testing"
)

func TestReadinessTellsThePlainReason(t *testing.T) {
	r := newReadiness("location", "credentials")
	r.ok("location")
	r.set("credentials", "Secret kube-system/aliyun-creds does not exist")
	w := httptest.NewRecorder()
	r.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/readyz", nil))
	if w.Code != 503 || !strings.Contains(w.Body.String(), "[-]credentials: Secret kube-system/aliyun-creds does not exist") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	r.ok("credentials")
	w = httptest.NewRecorder()
	r.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/readyz", nil))
	if w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
