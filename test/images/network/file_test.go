package main

import (
	"bytes"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func TestWhatIsWrittenIsRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	var out bytes.Buffer
	for _, args := range [][]string{{"write", file, "text"}, {"read", file}} {
		if err := run(t.Context(), args, &out); err != nil {
			t.Fatal(err)
		}
	}
	if out.String() != "text" {
		t.Errorf("read %q", out.String())
	}
	if err := run(t.Context(), []string{"read", file + ".none"}, &out); err == nil {
		t.Error("a file that is not there is read")
	}
}

func TestSizeIsThatOfTheFileSystem(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), []string{"size", t.TempDir()}, &out); err != nil {
		t.Fatal(err)
	}
	if size, err := strconv.ParseInt(strings.TrimSpace(out.String()), 10, 64); err != nil || size < 1<<20 {
		t.Errorf("it says %q: %v", out.String(), err)
	}
}
