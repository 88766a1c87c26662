package annotation

import "strings"

// Given reports whether a Service has the annotation of a key at all, right or
// wrong.
func Given(annotations map[string]string, key Key) bool {
	for _, full := range byKey[key].Keys() {
		if strings.TrimSpace(annotations[full]) != "" {
			return true
		}
	}
	return false
}
