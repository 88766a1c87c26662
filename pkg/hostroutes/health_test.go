package hostroutes

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"
)

func TestR40HealthTellsWhatIsMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHealth(time.Minute)
		ask := func(page http.HandlerFunc) string {
			w := httptest.NewRecorder()
			page(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
			return fmt.Sprint(w.Code, " ", w.Body)
		}
		expect := func(healthz, readyz string) {
			t.Helper()
			if got := ask(h.Healthz); got != healthz {
				t.Errorf("/healthz: %q, want %q", got, healthz)
			}
			if got := ask(h.Readyz); got != readyz {
				t.Errorf("/readyz: %q, want %q", got, readyz)
			}
		}
		expect("200 ok\n", "503 not ready: no pass has been made yet\n")
		h.passed(Report{Waiting: "the link eth0 is down"})
		expect("200 ok\n", "503 not ready: the link eth0 is down\n")
		h.passed(Report{})
		expect("200 ok\n", "200 ok\n")
		<-time.After(2 * time.Minute)
		h.passed(Report{Err: errors.New("no rights")})
		expect("200 ok\n", "200 ok\n")
		<-time.After(time.Minute)
		expect("503 no pass has succeeded for 3m0s: no rights\n", "200 ok\n")
		h.passed(Report{Waiting: "the link eth0 is down"})
		expect("200 ok\n", "200 ok\n")
	})
}
