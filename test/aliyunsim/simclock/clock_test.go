package simclock

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestScaledClockRunsFaster(t *testing.T) {
	c := New(1000, time.Time{})
	now := time.Now()
	c.real = func() time.Time { return now }
	c.realBase = now
	before := c.Now()
	now = now.Add(time.Second)
	if got := c.Now().Sub(before); got != 1000*time.Second {
		t.Fatalf("a second lasted %v, want 1000 s", got)
	}
}

func TestStoppedClockMovesByStepAlone(t *testing.T) {
	c := New(0, time.Time{})
	before := c.Now()
	done := make(chan error, 1)
	go func() { done <- c.WaitUntil(t.Context(), nil, before.Add(time.Hour)) }()
	c.Step(30 * time.Minute)
	select {
	case err := <-done:
		t.Fatalf("waiter woke after half its time: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	c.Step(30 * time.Minute)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got := c.Now().Sub(before); got != time.Hour {
		t.Fatalf("clock moved by %v, want 1 h", got)
	}
}

func TestWaitEndsWithItsContextOrStop(t *testing.T) {
	c := New(0, time.Time{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.WaitUntil(ctx, nil, c.Now().Add(time.Hour)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want Canceled", err)
	}
	stop := make(chan struct{})
	close(stop)
	if err := c.WaitUntil(t.Context(), stop, c.Now().Add(time.Hour)); !errors.Is(err, ErrStopped) {
		t.Errorf("got %v, want ErrStopped", err)
	}
}

func TestScaledWaitIsShort(t *testing.T) {
	c := New(3600, time.Time{})
	begin := time.Now()
	if err := c.WaitUntil(t.Context(), nil, c.Now().Add(30*time.Second)); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Fatalf("30 simulated seconds took %v", took)
	}
}

func TestWallConvertsByTheScale(t *testing.T) {
	c := New(60, time.Time{})
	now := time.Now()
	c.real = func() time.Time { return now }
	c.realBase = now
	if got := c.Wall(c.Now().Add(time.Hour)).Sub(now); got != time.Minute {
		t.Fatalf("an hour comes in %v, want 1 min", got)
	}
}

func TestClockStartsInTheFutureWhenAsked(t *testing.T) {
	start := time.Now().Add(24 * time.Hour)
	if got := New(0, start).Now(); !got.Equal(start) {
		t.Fatalf("clock starts at %v, want %v", got, start)
	}
}
