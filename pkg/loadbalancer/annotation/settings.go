package annotation

import (
	"strconv"
	"strings"
)

// Settings are the annotations of one Service, valid and by canonical key. A key
// that is missing has its default. A setting of listeners may have a value for
// each port: ForPort gives the values of one.
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

// Value returns one setting of a Service by itself, or "" where it is not given or
// cannot be meant: for those who need no other.
func Value(annotations map[string]string, key Key) string {
	entry := byKey[key]
	for _, full := range entry.Keys() {
		if value := strings.TrimSpace(annotations[full]); value != "" {
			canonical, err := entry.parse(value)
			if err != nil {
				return ""
			}
			return canonical
		}
	}
	return ""
}

// On reports whether a setting is on, or true; without it its default counts.
func (s Settings) On(key Key) bool {
	value := s.Or(key, byKey[key].Default)
	return value == on || value == isTrue
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

// Items returns the items of a List setting; nil when it was not given.
func (s Settings) Items(key Key) []string {
	if value, given := s[key]; given {
		return strings.Split(value, ",")
	}
	return nil
}

// Pairs returns a PairList setting; nil when it was not given.
func (s Settings) Pairs(key Key) [][2]string {
	if value, given := s[key]; given {
		return pairs(value)
	}
	return nil
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

// ForPort returns the settings as they are for one port: settings with a value
// for each port have that port's, or none.
func (s Settings) ForPort(port int) Settings {
	out := make(Settings, len(s))
	for key, value := range s {
		ports := byKey[key].byPort(value)
		if ports == nil {
			out[key] = value
			continue
		}
		for _, p := range ports {
			if p.port == port {
				out[key] = p.value
			}
		}
	}
	return out
}

// Ports returns the ports that a setting names; none when it is one for all.
func (s Settings) Ports(key Key) []int {
	ports := byKey[key].byPort(s[key])
	out := make([]int, len(ports))
	for i, p := range ports {
		out[i] = p.port
	}
	return out
}
