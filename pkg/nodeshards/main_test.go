package nodeshards

import (
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// eventually waits until a condition holds.
func eventually(t *testing.T, holds func() bool) {
	t.Helper()
	for began := time.Now(); !holds(); <-time.After(10 * time.Millisecond) {
		if time.Since(began) > 15*time.Second {
			t.Fatal("it does not come to hold")
		}
	}
}
