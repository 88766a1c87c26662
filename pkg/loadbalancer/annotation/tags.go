package annotation

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

// The API allows 20 tags on an instance; half of them are kept for ours and for
// those that people add by hand. Keys have at most 64 characters, values 128
// (TagResources).
const (
	maxAdditionalTags = 10
	maxTagKey         = 64
	maxTagValue       = 128
)

// additionalTags checks a list of tags that a user wants on the instance.
func additionalTags(value string) error {
	seen := map[string]bool{}
	for _, pair := range strings.Split(value, ",") {
		pair = strings.TrimSpace(pair)
		if pair == "" {
			continue
		}
		k, v, _ := strings.Cut(pair, "=")
		k, v = strings.TrimSpace(k), strings.TrimSpace(v)
		switch {
		case k == "" || utf8.RuneCountInString(k) > maxTagKey:
			return fmt.Errorf("must have tag keys of 1 to %d characters", maxTagKey)
		case utf8.RuneCountInString(v) > maxTagValue:
			return fmt.Errorf("must have tag values of at most %d characters", maxTagValue)
		case strings.Contains(v, "http://") || strings.Contains(v, "https://"):
			return errors.New("must not have a URL as a tag's value: the API refuses it")
		case ownership.ReservedTag(k):
			return fmt.Errorf("must not use the tag key %s: it is reserved", k)
		case seen[k]:
			return fmt.Errorf("must name the tag key %s once", k)
		}
		seen[k] = true
	}
	if len(seen) > maxAdditionalTags {
		return fmt.Errorf("must have at most %d tags", maxAdditionalTags)
	}
	return nil
}
