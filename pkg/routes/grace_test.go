package routes

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestAWriteUnderWayOutlivesItsContextForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, end := context.WithCancel(t.Context())
		inner, cancel := graceful(ctx)
		defer cancel()
		end()
		began := time.Now()
		synctest.Wait()
		if inner.Err() != nil {
			t.Fatal("the write is cut off at once")
		}
		<-inner.Done()
		if took := time.Since(began); took != grace {
			t.Errorf("cut off after %v, want %v", took, grace)
		}
	})
}

func TestNoWriteStartsAfterItsContextEnded(t *testing.T) {
	ctx, end := context.WithCancel(t.Context())
	end()
	inner, cancel := graceful(ctx)
	defer cancel()
	if inner.Err() == nil {
		t.Error("a write may start")
	}
}
