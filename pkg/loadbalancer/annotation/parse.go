package annotation

import (
	"fmt"
	"slices"
	"sort"
	"strings"
)

// Parsed is what Parse found.
type Parsed struct {
	Settings Settings
	// Mistakes are the annotations that cannot be meant, one sentence each: a
	// Service that has any is refused as a whole.
	Mistakes []string
	// Warnings are sentences about annotations that have no effect.
	Warnings []string
}

// Parse reads the annotations of one Service. Keys outside the families and the
// registry are nobody's business here. An empty value means that the default is
// wanted, as without the annotation.
func Parse(annotations map[string]string) Parsed {
	parsed := Parsed{Settings: Settings{}}
	known := map[string]bool{}
	for _, entry := range registry {
		first, from := "", ""
		for _, full := range entry.Keys() {
			known[full] = true
			value, given := annotations[full]
			value = strings.TrimSpace(value)
			if !given || value == "" {
				continue
			}
			if first != "" {
				if value != from {
					parsed.Warnings = append(parsed.Warnings,
						fmt.Sprintf("annotation %s has no effect beside %s", full, first))
				}
				continue
			}
			first, from = full, value
			parsed.take(entry, full, value)
		}
	}
	parsed.unknown(annotations, known)
	return parsed
}

// take enters one annotation, or says what is wrong with it.
func (p *Parsed) take(entry Entry, full, value string) {
	canonical, err := entry.parse(value)
	switch {
	case err != nil:
		p.Mistakes = append(p.Mistakes, fmt.Sprintf("annotation %s: %q %v", full, value, err))
	case entry.Pending && canonical != entry.Default:
		p.Mistakes = append(p.Mistakes, fmt.Sprintf("annotation %s is not supported by this version; remove it", full))
	default:
		p.Settings[entry.Key] = canonical
	}
}

// unknown reports the keys of the families that are in no entry.
func (p *Parsed) unknown(annotations map[string]string, known map[string]bool) {
	keys := make([]string, 0, len(annotations))
	for key := range annotations {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	for _, key := range keys {
		family, suffix, ours := split(key)
		if !ours || known[key] {
			continue
		}
		if strings.TrimSpace(annotations[key]) != "" && slices.Contains(unsupported, suffix) {
			p.Mistakes = append(p.Mistakes, fmt.Sprintf("annotation %s is not supported by this version, which has classic load balancers (CLB) only; remove it", key))
			continue
		}
		warning := fmt.Sprintf("annotation %s is unknown and has no effect", key)
		if nearest := nearest(suffix); nearest != "" {
			warning += fmt.Sprintf("; did you mean %s%s?", family, nearest)
		}
		p.Warnings = append(p.Warnings, warning)
	}
}

// split takes a key of one of the families apart.
func split(key string) (family, suffix string, ours bool) {
	for _, family := range []string{Prefix, LegacyPrefix, ArchonPrefix, OwnPrefix} {
		if suffix, found := strings.CutPrefix(key, family); found {
			return family, suffix, true
		}
	}
	return "", "", false
}

// unsupported are suffixes of the documented family that ask for another kind of
// load balancer, or for protection that classic load balancers do not have.
// Ignoring them would build something else than was asked for, or something open
// that was to be closed.
var unsupported = []string{"type", "tunnel-type", "security-group-ids", "cacert", "cacert-id"}
