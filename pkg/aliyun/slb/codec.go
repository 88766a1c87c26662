package slb

import (
	"encoding/json"
	"strings"
)

// unsetPort is the API's word for "check the backend's own port" in a Set call;
// a Create call leaves the parameter out.
const unsetPort = "-520"

// encodeCreate returns the parameters of a Create…Listener call.
func encodeCreate(p Protocol, a Attributes) map[string]string {
	out := map[string]string{}
	for _, r := range rowsOf(p) {
		_, given := a[r.field]
		if !given && !r.required {
			continue
		}
		v := r.value(p, a)
		if !r.meant(p, a) || v == "" || v == BackendPort {
			continue
		}
		name := r.param
		if r.create != "" {
			name = r.create
		}
		out[name] = v
	}
	return out
}

// encodeSet returns the parameters of a Set…ListenerAttribute call for what changed.
func encodeSet(p Protocol, changed Attributes) map[string]string {
	out := map[string]string{}
	for _, r := range rowsOf(p) {
		v, given := changed[r.field]
		if !given || r.fixed {
			continue
		}
		v = r.canonical(v)
		if v == BackendPort {
			v = unsetPort
		}
		if v != "" {
			out[r.param] = v
		}
	}
	return out
}

// decode reads the attributes of a listener out of a reply. inner is the
// protocol's configuration object, or outer again where the reply is flat.
func decode(p Protocol, outer, inner map[string]json.RawMessage) Attributes {
	out := Attributes{}
	for _, r := range rowsOf(p) {
		from := inner
		if r.shared {
			from = outer
		}
		names := r.reply
		if len(names) == 0 {
			names = []string{r.param}
		}
		value := ""
		for _, name := range names {
			if value = plain(from[name]); value != "" {
				break
			}
		}
		if value == "" {
			value = r.preset
		}
		if value != "" {
			out[r.field] = r.canonical(value)
		}
	}
	return out
}

// plain returns a JSON value as text: numbers and booleans as they are written,
// lists (also those wrapped in an object of one member) joined with commas.
func plain(raw json.RawMessage) string {
	if len(raw) == 0 {
		return ""
	}
	switch raw[0] {
	case '"':
		var s string
		if json.Unmarshal(raw, &s) != nil {
			return ""
		}
		return s
	case '[':
		var items []json.RawMessage
		if json.Unmarshal(raw, &items) != nil {
			return ""
		}
		parts := make([]string, 0, len(items))
		for _, item := range items {
			if s := plain(item); s != "" {
				parts = append(parts, s)
			}
		}
		return strings.Join(parts, ",")
	case '{':
		var members map[string]json.RawMessage
		if json.Unmarshal(raw, &members) != nil || len(members) != 1 {
			return ""
		}
		for _, m := range members {
			return plain(m)
		}
		return ""
	case 'n': // null
		return ""
	default:
		return string(raw)
	}
}
