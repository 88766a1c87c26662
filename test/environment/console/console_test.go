package console

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestTableStaysInItsColumns(t *testing.T) {
	got := table([]string{"NAME", "VALUE"}, [][]string{{"a", strings.Repeat("云", 200)}, {"longer", ""}})
	lines := strings.Split(strings.TrimRight(got, "\n"), "\n")
	if len(lines) != 3 {
		t.Fatalf("%d lines:\n%s", len(lines), got)
	}
	if width := utf8.RuneCountInString(lines[1]); width != Width || !strings.HasSuffix(lines[1], "…") {
		t.Errorf("a long row has %d columns: %s", width, lines[1])
	}
	if want := "  longer  -"; lines[2] != want {
		t.Errorf("got %q, want %q", lines[2], want)
	}
	if column := strings.Index(lines[0], "VALUE"); column != strings.Index(lines[2], "-") {
		t.Errorf("columns are not aligned:\n%s", got)
	}
}

func TestParagraphIsWrappedBetweenWords(t *testing.T) {
	if got, want := wrap("one two  three\nfour", 9), "one two\nthree\nfour\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestWaitTellsWhatIsMissing(t *testing.T) {
	var out strings.Builder
	c := New(&out)
	_, err := c.Until(t.Context(), 10*time.Millisecond, "the sun shines", func(context.Context) (string, error) {
		return "there are clouds", nil
	})
	if !errors.Is(err, ErrNotSo) || !strings.Contains(err.Error(), "the sun shines") || !strings.Contains(err.Error(), "clouds") {
		t.Errorf("got %v", err)
	}
}

func TestWaitGoesOnAfterAnError(t *testing.T) {
	var out strings.Builder
	c, looks := New(&out), 0
	_, err := c.Until(t.Context(), time.Minute, "it answers", func(context.Context) (string, error) {
		if looks++; looks == 1 {
			return "", errors.New("no answer")
		}
		return "", nil
	})
	if err != nil || !strings.Contains(out.String(), "it answers") {
		t.Errorf("got %v, told %q", err, out.String())
	}
}

func TestWaitEndsWhenItIsHopelessError(t *testing.T) {
	dead := errors.New("it has died")
	_, err := New(&strings.Builder{}).Until(t.Context(), time.Minute, "it answers", func(context.Context) (string, error) {
		return "", &HopelessError{Err: dead}
	})
	if !errors.Is(err, dead) {
		t.Errorf("got %v", err)
	}
}
