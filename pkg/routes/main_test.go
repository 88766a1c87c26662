package routes

import (
	"testing"

	"go.uber.org/goleak"
)

// Every test stops what it started; klog's flusher is the process's own.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("k8s.io/klog/v2.(*flushDaemon).run.func1"))
}
