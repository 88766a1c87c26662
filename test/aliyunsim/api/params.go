package api

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Params are a request's query and form parameters, merged.
type Params map[string]string

// Has says whether the parameter was sent, also when it is empty.
func (p Params) Has(name string) bool {
	_, ok := p[name]
	return ok
}

// Int returns the parameter as an integer, or def when it is absent or empty.
func (p Params) Int(name string, def int) (int, *Error) {
	v := p[name]
	if v == "" {
		return def, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil {
		return 0, Invalid(name, v)
	}
	return n, nil
}

// Bool returns the parameter as a boolean, or def when it is absent or empty.
func (p Params) Bool(name string, def bool) (bool, *Error) {
	switch strings.ToLower(p[name]) {
	case "":
		return def, nil
	case "true":
		return true, nil
	case "false":
		return false, nil
	default:
		return false, Invalid(name, p[name])
	}
}

// List returns the values of a repeated list (name.1, name.2, ...) in order.
func (p Params) List(name string) []string {
	var out []string
	for i := 1; ; i++ {
		v, ok := p[name+"."+strconv.Itoa(i)]
		if !ok {
			return out
		}
		out = append(out, v)
	}
}

// Structs returns the members of a repeated struct (name.1.Key, name.1.Value, ...)
// in order.
func (p Params) Structs(name string) []Params {
	byIndex := map[int]Params{}
	for k, v := range p {
		rest, ok := strings.CutPrefix(k, name+".")
		if !ok {
			continue
		}
		index, field, ok := strings.Cut(rest, ".")
		n, err := strconv.Atoi(index)
		if !ok || err != nil {
			continue
		}
		if byIndex[n] == nil {
			byIndex[n] = Params{}
		}
		byIndex[n][field] = v
	}
	out := make([]Params, 0, len(byIndex))
	for _, n := range slices.Sorted(maps.Keys(byIndex)) {
		out = append(out, byIndex[n])
	}
	return out
}

// JSON decodes a parameter that carries JSON. It reports whether the parameter
// was present; a decoding failure is the given parameter's Invalid error.
func (p Params) JSON(name string, into any) (bool, *Error) {
	v, ok := p[name]
	if !ok || v == "" {
		return false, nil
	}
	if err := json.Unmarshal([]byte(v), into); err != nil {
		return true, Invalid(name, v)
	}
	return true, nil
}
