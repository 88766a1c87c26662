package queue

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"
)

func TestStateTellsWhereAKeyIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		entered, release := make(chan struct{}), make(chan error)
		q := start(t, 1, func(context.Context, types.UID, Batch) (int, error) {
			entered <- struct{}{}
			return 0, <-release
		})
		begun := time.Now()
		q.Add("a", "nodes")
		<-entered
		go func() { _, _ = q.Do(t.Context(), "a", "ensure", nil) }()
		synctest.Wait()
		want := State{Running: begun, RunningFor: []Reason{"nodes"}, Reasons: []Reason{"ensure"}, Waiting: 1}
		if diff := cmp.Diff(want, q.State("a")); diff != "" {
			t.Errorf("while a pass runs: %s", diff)
		}
		release <- nil
		<-entered
		release <- errTest
		synctest.Wait()
		s := q.State("a")
		if !s.Running.IsZero() || s.Failures != 1 || !cmp.Equal(s.Reasons, []Reason{Retry}) || !s.Due.After(time.Now()) {
			t.Errorf("after a failure: %+v", s)
		}
		<-entered
		release <- nil
		synctest.Wait()
		if diff := cmp.Diff(State{}, q.State("a")); diff != "" {
			t.Errorf("in the end: %s", diff)
		}
		q.AddAfter("a", "refused", time.Hour)
		if s := q.State("a"); time.Until(s.Due) != time.Hour {
			t.Errorf("before a pass that comes later: %+v", s)
		}
		time.Sleep(time.Hour) //nolint:forbidigo // the bubble's clock
		<-entered
		release <- nil
		synctest.Wait()
	})
}
