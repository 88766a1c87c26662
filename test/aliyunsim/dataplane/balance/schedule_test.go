package balance

import (
	"slices"
	"testing"
)

func TestRoundSpreadsTurnsEvenly(t *testing.T) {
	for name, test := range map[string]struct {
		weights, want []int
	}{
		"alike":        {[]int{100, 100}, []int{0, 1}},
		"one to three": {[]int{25, 75}, []int{1, 0, 1, 1}},
		"zero":         {[]int{0, 7}, []int{1}},
		"none":         {[]int{0, 0}, nil},
	} {
		if got := round(test.weights); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

func TestRoundIsNotOverlong(t *testing.T) {
	weights := make([]int, 200)
	for i := range weights {
		weights[i] = 1 + i%100
	}
	if turns := round(weights); turns != nil {
		t.Errorf("%d turns", len(turns))
	}
}
