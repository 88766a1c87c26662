package slb

import (
	"strconv"
	"strings"
	"testing"
	"unsafe"
)

func TestEqualTextsAreOneCopy(t *testing.T) {
	var kept texts
	first, second := kept.one(strings.Clone("i-1")), kept.one(strings.Clone("i-1"))
	if first != "i-1" || unsafe.StringData(first) != unsafe.StringData(second) {
		t.Error("the text is there twice")
	}
}

func TestTextsDoNotGrowWithoutBound(t *testing.T) {
	var kept texts
	for n := range 3 * maxTexts {
		if text := strconv.Itoa(n); kept.one(text) != text || len(kept.known) > maxTexts {
			t.Fatalf("text %d: %d are kept", n, len(kept.known))
		}
	}
}
