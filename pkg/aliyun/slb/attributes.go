package slb

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// rowOf returns the row of a field on a protocol, or nil when the protocol has
// no such field.
func rowOf(p Protocol, f Field) *row {
	for i := range table {
		if table[i].field == f && slices.Contains(table[i].on, p) {
			return &table[i]
		}
	}
	return nil
}

// rowsOf returns the rows of a protocol in the order of the table.
func rowsOf(p Protocol) []*row {
	var out []*row
	for i := range table {
		if slices.Contains(table[i].on, p) {
			out = append(out, &table[i])
		}
	}
	return out
}

// Fields lists the fields of a protocol in the order of the table.
func Fields(p Protocol) []Field {
	rows := rowsOf(p)
	out := make([]Field, len(rows))
	for i, r := range rows {
		out[i] = r.field
	}
	return out
}

// Default returns the value that the API uses where none is given, and whether
// it has one.
func Default(p Protocol, f Field) (string, bool) {
	r := rowOf(p, f)
	if r == nil {
		return "", false
	}
	return r.preset, r.preset != ""
}

// canonical brings a value into the one form that is compared.
func (r *row) canonical(value string) string {
	value = strings.TrimSpace(value)
	if v, ok := r.alias[value]; ok {
		return v
	}
	switch r.kind {
	case text:
		return value
	case number:
		if n, err := strconv.Atoi(value); err == nil {
			return strconv.Itoa(n)
		}
		return value
	case onOff:
		switch strings.ToLower(value) {
		case "on", "true":
			return "on"
		case "off", "false":
			return "off"
		}
		return value
	case boolean:
		switch strings.ToLower(value) {
		case "on", "true":
			return "true"
		case "off", "false":
			return "false"
		}
		return value
	case list:
		parts := strings.FieldsFunc(value, func(c rune) bool { return c == ',' || c == ' ' })
		slices.Sort(parts)
		return strings.Join(slices.Compact(parts), ",")
	}
	return value
}

// value returns the canonical value of the row's field, the preset when it is absent.
func (r *row) value(p Protocol, a Attributes) string {
	v, ok := a[r.field]
	if !ok || v == "" {
		v = r.preset
	}
	v = r.canonical(v)
	if r.atLeast != "" {
		floor := rowOf(p, r.atLeast).value(p, a)
		n, err := strconv.Atoi(v)
		m, err2 := strconv.Atoi(floor)
		if err == nil && err2 == nil && n < m {
			return floor
		}
	}
	return v
}

// meant reports whether the row's field has a meaning beside the other values.
func (r *row) meant(p Protocol, a Attributes) bool {
	for _, c := range r.when {
		other := rowOf(p, c.field)
		if other == nil || other.value(p, a) != c.value {
			return false
		}
	}
	return true
}

// Diff returns what to set so that a listener with the actual attributes has the
// wanted ones: for each wanted field that differs its canonical value, together
// with the switches that it depends on (the API wants some of them repeated), and
// what the API requires beside a switch that is changed. Other fields that wanted does not name are left alone, fields without a meaning
// (such as a cookie without a sticky session) are ignored, and other spellings
// of one value are equal. The result is empty when nothing differs.
func Diff(p Protocol, wanted, actual Attributes) Attributes {
	out := Attributes{}
	for _, r := range rowsOf(p) {
		if !r.meant(p, wanted) {
			continue
		}
		along := r.required && slices.ContainsFunc(r.when, func(c condition) bool { return out[c.field] != "" })
		from := wanted
		if _, named := wanted[r.field]; !named {
			from = actual
		}
		want := r.value(p, from)
		if want == r.value(p, actual) && !along {
			continue
		}
		out[r.field] = want
		for _, c := range r.when {
			out[c.field] = c.value
		}
	}
	return out
}

// Equal reports whether two sets of attributes mean the same listener: absent
// fields have the API's default.
func Equal(p Protocol, a, b Attributes) bool {
	for _, r := range rowsOf(p) {
		if r.meant(p, a) != r.meant(p, b) {
			return false
		}
		if r.meant(p, a) && r.value(p, a) != r.value(p, b) {
			return false
		}
	}
	return true
}

// NeedsRecreation reports whether a change holds a field that can only be given
// when the listener is created.
func NeedsRecreation(p Protocol, changed Attributes) bool {
	for f := range changed {
		if r := rowOf(p, f); r != nil && r.fixed {
			return true
		}
	}
	return false
}

// Validate checks attributes against the table: the protocol must have the
// field, a number must be in its range, a word among the known ones. All
// problems are told, joined.
func Validate(p Protocol, a Attributes) error {
	var problems []error
	for _, f := range sortedFields(a) {
		if err := validateField(p, f, a[f]); err != nil {
			problems = append(problems, err)
		}
	}
	return errors.Join(problems...)
}

func validateField(p Protocol, f Field, value string) error {
	r := rowOf(p, f)
	if r == nil {
		return fmt.Errorf("%s: %s listeners have no such setting", f, p)
	}
	if _, ok := r.alias[strings.TrimSpace(value)]; ok {
		return nil
	}
	v := r.canonical(value)
	switch r.kind {
	case text:
		return r.validateText(v)
	case number:
		n, err := strconv.Atoi(v)
		if err != nil || n < r.min || n > r.max {
			return fmt.Errorf("%s: %q is not a number from %d to %d", f, value, r.min, r.max)
		}
	case onOff:
		if v != "on" && v != "off" {
			return fmt.Errorf("%s: %q is neither on nor off", f, value)
		}
	case boolean:
		if v != "true" && v != "false" {
			return fmt.Errorf("%s: %q is neither true nor false", f, value)
		}
	case list:
		for part := range strings.SplitSeq(v, ",") {
			if err := r.validateText(part); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *row) validateText(v string) error {
	if len(r.enum) > 0 && !slices.Contains(r.enum, v) {
		return fmt.Errorf("%s: %q is not one of %s", r.field, v, strings.Join(r.enum, ", "))
	}
	if r.max > 0 && utf8.RuneCountInString(v) > r.max {
		return fmt.Errorf("%s: longer than %d characters", r.field, r.max)
	}
	return nil
}

func sortedFields(a Attributes) []Field {
	out := make([]Field, 0, len(a))
	for f := range a {
		out = append(out, f)
	}
	slices.Sort(out)
	return out
}
