package slb

import (
	"reflect"
	"strings"
	"testing"
)

// parameters returns the names that the SDK's request struct knows.
func parameters(t *testing.T, request any) map[string]bool {
	t.Helper()
	typ := reflect.TypeOf(request).Elem()
	out := map[string]bool{}
	for i := range typ.NumField() {
		if name, ok := typ.Field(i).Tag.Lookup("name"); ok {
			out[name] = true
		}
	}
	return out
}

func TestEveryParameterNameIsOneThatTheAPIKnows(t *testing.T) {
	for _, p := range anyProtocol {
		create, _, err := createCall(p)
		if err != nil {
			t.Fatal(err)
		}
		set, _, err := setCall(p)
		if err != nil {
			t.Fatal(err)
		}
		inCreate, inSet := parameters(t, create), parameters(t, set)
		for _, r := range rowsOf(p) {
			name := r.param
			if r.create != "" {
				name = r.create
			}
			if !inCreate[name] {
				t.Errorf("%s %s: the create call has no parameter %s", p, r.field, name)
			}
			if !r.fixed && !inSet[r.param] {
				t.Errorf("%s %s: the set call has no parameter %s", p, r.field, r.param)
			}
		}
	}
}

func TestEveryReplyNameIsOneThatTheAPIAnswers(t *testing.T) {
	for _, p := range anyProtocol {
		_, resp, err := describeCall(p)
		if err != nil {
			t.Fatal(err)
		}
		typ := reflect.TypeOf(resp).Elem()
		known := map[string]bool{}
		for i := range typ.NumField() {
			name, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
			known[name] = true
		}
		for _, r := range rowsOf(p) {
			names := r.reply
			if len(names) == 0 {
				names = []string{r.param}
			}
			found := false
			for _, n := range names {
				found = found || known[n]
			}
			if !found {
				t.Errorf("%s %s: no reply has a field %v", p, r.field, names)
			}
		}
	}
}

func TestATableFieldHasOneRowForEachProtocol(t *testing.T) {
	for _, p := range anyProtocol {
		seen := map[Field]bool{}
		for _, r := range rowsOf(p) {
			if seen[r.field] {
				t.Errorf("%s has two rows for %s", p, r.field)
			}
			seen[r.field] = true
			for _, c := range r.when {
				if rowOf(p, c.field) == nil && r.field != c.field {
					t.Errorf("%s %s depends on %s, which the protocol lacks", p, r.field, c.field)
				}
			}
		}
	}
}

func TestEveryPresetIsValid(t *testing.T) {
	for _, p := range anyProtocol {
		for _, r := range rowsOf(p) {
			if r.preset == "" {
				continue
			}
			if err := Validate(p, Attributes{r.field: r.preset}); err != nil {
				t.Errorf("%s: %v", p, err)
			}
		}
	}
}
