package transport

import (
	"context"
	"errors"
	"testing"
	"time"
)

// cancelOnceSent cancels the returned context as soon as the server has the request.
func cancelOnceSent(t *testing.T, s *server) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	go func() {
		await(t, func() bool { return len(s.requests()) > 0 })
		cancel()
	}()
	return ctx
}

func TestWriteInFlightLearnsItsOutcomeAfterCancellation(t *testing.T) {
	s := newServer(t, reply{status: 200, body: okBody, delay: 100 * time.Millisecond})
	tr := newTransport(t, s.URL, func(o *Options) { o.Grace = 5 * time.Second })
	if err := tr.Do(cancelOnceSent(t, s), write()); err != nil {
		t.Errorf("the outcome is lost: %v", err)
	}
}

func TestWriteInFlightIsGivenUpWhenTheGraceIsOver(t *testing.T) {
	s := newServer(t, reply{status: 200, body: okBody, delay: 3 * time.Second})
	tr := newTransport(t, s.URL, func(o *Options) { o.Grace = 50 * time.Millisecond })
	start := time.Now()
	err := tr.Do(cancelOnceSent(t, s), write())
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("took %s", took)
	}
}

func TestNothingIsBegunAfterCancellation(t *testing.T) {
	s := newServer(t)
	tr := newTransport(t, s.URL, func(o *Options) { o.Grace = 5 * time.Second })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := tr.Do(ctx, write()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if n := len(s.requests()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}
