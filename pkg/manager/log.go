package manager

import (
	"fmt"
	"io"
	"sync"

	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/component-base/logs"
	logsapi "k8s.io/component-base/logs/api/v1"
)

// startLog applies the settings of the log. end flushes and ends it: goroutines of
// the framework that nothing can wait for tell of their end too, and the reason
// that the program gives for its own, printed after end, has to be the last line.
func startLog(settings *logs.Options, stdout, stderr io.Writer) (end func(), err error) {
	info, errs := &endingWriter{to: stdout}, &endingWriter{to: stderr}
	streams := &logsapi.LoggingOptions{InfoStream: info, ErrorStream: errs}
	if err := logsapi.ValidateAndApplyWithOptions(settings, streams, utilfeature.DefaultFeatureGate); err != nil {
		return nil, fmt.Errorf("logging: %w", err)
	}
	return func() {
		logs.FlushLogs()
		info.end()
		errs.end()
	}, nil
}

// endingWriter writes until it is ended, and drops what comes later.
type endingWriter struct {
	mu    sync.Mutex
	to    io.Writer
	ended bool
}

// Write implements io.Writer.
func (w *endingWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return len(p), nil
	}
	return w.to.Write(p)
}

// end returns when a write that has begun is over; there is none after it.
func (w *endingWriter) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
}
