//go:build nightly

package loadbalancer

import "testing"

// TestAnyWrongAnswerToAnyReadEndsInTheSameState lets each read of each scenario go
// wrong in each way.
func TestAnyWrongAnswerToAnyReadEndsInTheSameState(t *testing.T) {
	for name, sc := range table {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			misreads(t, sc, true)
		})
	}
}
