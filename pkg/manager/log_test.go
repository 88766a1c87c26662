package manager

import (
	"strings"
	"testing"
)

func TestNothingIsLoggedAfterTheEndOfTheLog(t *testing.T) {
	var out strings.Builder
	w := &endingWriter{to: &out}
	for _, line := range []string{"before\n", "after\n"} {
		if n, err := w.Write([]byte(line)); n != len(line) || err != nil {
			t.Errorf("Write(%q) = %d, %v", line, n, err)
		}
		w.end()
	}
	if out.String() != "before\n" {
		t.Errorf("written: %q", out.String())
	}
}
