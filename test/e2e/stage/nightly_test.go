//go:build nightly

package stage

import (
	"context"
	"os"
	"testing"
)

func TestFiveNodesCanBeUsed(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip(ErrUnsupported)
	}
	s, err := Start(t.Context(), Options{Workers: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	t.Logf("a master and four workers: usable after %.1f s", s.Took().Seconds())
}
