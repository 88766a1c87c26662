package e2e

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/e2e/stage"
)

// stageLimit is for the start of a stage, and half of it for its end.
const stageLimit = 4 * time.Minute

// on moves the test to a stage of its own, which ends with the test.
func on(t *testing.T, o stage.Options) {
	t.Helper()
	o.Log = os.Stderr
	starting, cancel := context.WithTimeout(t.Context(), stageLimit)
	defer cancel()
	own, err := stage.Start(starting, o)
	if err != nil {
		t.Fatal(err)
	}
	shared := theatre
	theatre = own
	t.Cleanup(func() {
		theatre = shared
		ending, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), stageLimit/2)
		defer cancel()
		if err := own.Close(ending); err != nil {
			t.Error(err)
		}
	})
}
