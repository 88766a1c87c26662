package annotation

import (
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// Settings are the annotations of one Service, valid and by canonical key. A key
// that is missing has its default.
type Settings map[Key]string

// Text returns a setting and whether it was given.
func (s Settings) Text(key Key) (string, bool) {
	value, given := s[key]
	return value, given
}

// Or returns a setting, or fallback when it was not given.
func (s Settings) Or(key Key, fallback string) string {
	if value, given := s[key]; given {
		return value
	}
	return fallback
}

// Number returns an Integer setting and whether it was given.
func (s Settings) Number(key Key) (int, bool) {
	value, given := s[key]
	if !given {
		return 0, false
	}
	n, err := strconv.Atoi(value)
	return n, err == nil
}

// Tags returns a TagList setting; nil when it was not given.
func (s Settings) Tags(key Key) map[string]string {
	value, given := s[key]
	if !given {
		return nil
	}
	tags := map[string]string{}
	for _, pair := range strings.Split(value, ",") {
		k, v, _ := strings.Cut(strings.TrimSpace(pair), "=")
		if k = strings.TrimSpace(k); k != "" {
			tags[k] = strings.TrimSpace(v)
		}
	}
	return tags
}

// Parsed is what Parse found.
type Parsed struct {
	Settings Settings
	// Mistakes are the annotations that cannot be meant, one sentence each: a
	// Service that has any is refused as a whole.
	Mistakes []string
	// Warnings are sentences about annotations that have no effect.
	Warnings []string
}

// Parse reads the annotations of one Service. Keys outside the families are
// nobody's business here. An empty value means that the default is wanted, as
// without the annotation.
func Parse(annotations map[string]string) Parsed {
	parsed := Parsed{Settings: Settings{}}
	known := map[string]bool{}
	for _, entry := range Registry() {
		first := ""
		for _, full := range entry.Keys() {
			known[full] = true
			value, given := annotations[full]
			value = strings.TrimSpace(value)
			if !given || value == "" {
				continue
			}
			if first != "" {
				if value != parsed.Settings[entry.Key] {
					parsed.Warnings = append(parsed.Warnings,
						fmt.Sprintf("annotation %s has no effect beside %s", full, first))
				}
				continue
			}
			first = full
			canonical, err := entry.parse(value)
			if err != nil {
				parsed.Mistakes = append(parsed.Mistakes, fmt.Sprintf("annotation %s: %q %v", full, value, err))
				continue
			}
			parsed.Settings[entry.Key] = canonical
		}
	}
	parsed.unknown(annotations, known)
	return parsed
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
			p.Mistakes = append(p.Mistakes, fmt.Sprintf("annotation %s is not supported by this version; remove it", key))
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

// unsupported are suffixes of the documented family that mean something this
// version cannot do. Ignoring them would build something else than was asked
// for, or something open that was to be closed.
var unsupported = []string{
	"id", "force-override-listeners", "vgroup-port", "weight", "default-weight", "ignore-weight-update",
	"preserve-lb-on-delete", "network-type", "ip", "ip-version", "external-ip-type", "hostname",
	"protocol-port", "forward-port", "cert-id", "domain-extensions", "tls-cipher-policy", "http2-enabled",
	"sticky-session", "sticky-session-type", "cookie", "cookie-timeout", "idle-timeout", "request-timeout",
	"acl-status", "acl-id", "acl-type", "proxy-protocol", "health-check-flag", "health-check-timeout",
	"xforwardedfor-proto", "xforwardedfor-slbport", "xforwardedfor-clientsrcport",
	"backend-label", "backend-ip-version", "remove-unscheduled-backend",
}

// parse returns the canonical form of a value, or what it must be.
func (e Entry) parse(value string) (string, error) {
	switch e.Type {
	case Integer:
		n, err := strconv.Atoi(value)
		if err != nil || n < e.Min || n > e.Max {
			return "", fmt.Errorf("must be a whole number from %d to %d", e.Min, e.Max)
		}
		value = strconv.Itoa(n)
	case Choice:
		if !slices.Contains(e.Choices, value) {
			return "", fmt.Errorf("must be %s", alternatives(e.Choices))
		}
	case ChoiceList:
		list, err := e.choiceList(value)
		if err != nil {
			return "", err
		}
		value = list
	case Text, TagList:
	}
	if e.Check != nil {
		if err := e.Check(value); err != nil {
			return "", err
		}
	}
	return value, nil
}

// choiceList sorts a list into the order of the choices and drops repetitions,
// so that equal meanings have one form.
func (e Entry) choiceList(value string) (string, error) {
	given := map[string]bool{}
	for _, item := range strings.Split(value, ",") {
		item = strings.TrimSpace(item)
		if !slices.Contains(e.Choices, item) {
			return "", fmt.Errorf("must be a list of %s", alternatives(e.Choices))
		}
		given[item] = true
	}
	list := make([]string, 0, len(given))
	for _, choice := range e.Choices {
		if given[choice] {
			list = append(list, choice)
		}
	}
	return strings.Join(list, ","), nil
}

// alternatives joins choices for a sentence: "a, b or c".
func alternatives(choices []string) string {
	last := len(choices) - 1
	if last == 0 {
		return choices[0]
	}
	return strings.Join(choices[:last], ", ") + " or " + choices[last]
}
