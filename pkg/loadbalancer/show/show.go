// Package show prints the models of load balancers for people: as YAML without
// what is empty or off, servers and listeners each in a word.
package show

import (
	"fmt"
	"reflect"

	"sigs.k8s.io/yaml"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
)

// Text prints a model. Fields that are empty, zero or false are left out; what can
// tell itself as a string does.
func Text(model any) (string, error) {
	out, err := yaml.Marshal(tree(reflect.ValueOf(model)))
	if err != nil {
		return "", fmt.Errorf("print %T: %w", model, err)
	}
	return string(out), nil
}

// tree returns a value as maps, lists and scalars; nil for what is left out.
func tree(v reflect.Value) any {
	if !v.IsValid() || v.IsZero() {
		return nil
	}
	if v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		return tree(v.Elem())
	}
	if v.CanInterface() {
		switch told := v.Interface().(type) {
		case slb.Backend:
			return backend(told)
		case fmt.Stringer:
			if !lends(v) {
				return told.String()
			}
		}
	}
	switch v.Kind() { //nolint:exhaustive // the others are scalars
	case reflect.Struct:
		return fields(v)
	case reflect.Map:
		out := map[string]any{}
		for _, key := range v.MapKeys() {
			if value := tree(v.MapIndex(key)); value != nil {
				out[fmt.Sprint(key.Interface())] = value
			} else if v.Type().Elem().Kind() == reflect.String {
				out[fmt.Sprint(key.Interface())] = "" // a setting that is empty is one
			}
		}
		return out
	case reflect.Slice, reflect.Array:
		out := make([]any, 0, v.Len())
		for i := range v.Len() {
			out = append(out, tree(v.Index(i)))
		}
		return out
	}
	return v.Interface()
}

// lends reports whether a struct has its String from a field that is embedded in
// it: a listener is more than its key.
func lends(v reflect.Value) bool {
	if v.Kind() != reflect.Struct {
		return false
	}
	for i := range v.NumField() {
		if f := v.Type().Field(i); f.Anonymous && f.Type.Implements(reflect.TypeFor[fmt.Stringer]()) {
			return true
		}
	}
	return false
}

func fields(v reflect.Value) map[string]any {
	out := map[string]any{}
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if !field.IsExported() {
			continue
		}
		if value := tree(v.Field(i)); value != nil {
			out[field.Name] = value
		}
	}
	return out
}

// backend tells a backend as server:port, or address, and its weight.
func backend(b slb.Backend) string {
	text := b.ServerID
	if b.ServerIP != "" {
		text += " " + b.ServerIP
	}
	if b.Port != 0 {
		text += fmt.Sprintf(":%d", b.Port)
	}
	return fmt.Sprintf("%s weight %d", text, b.Weight)
}
