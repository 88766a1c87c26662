package gateway

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// common parameters belong to the protocol and are legal for every action.
var common = []string{
	"AccessKeyId", "Action", "Format", "RegionId", "SecurityToken", "Signature", "SignatureMethod",
	"SignatureNonce", "SignatureType", "SignatureVersion", "Timestamp", "Version",
}

// schema is the legal parameter names of an action. Members of lists are held
// with N for their number: Tag.N.Key. maps holds the prefixes of free-form ones.
type schema struct {
	names map[string]struct{}
	maps  []string
}

// newSchema reads the tags of an SDK request struct.
func newSchema(request any, extra []string) *schema {
	s := &schema{names: map[string]struct{}{}}
	for _, name := range slices.Concat(common, extra) {
		normal, _ := normalise(name)
		s.names[normal] = struct{}{}
	}
	if request != nil {
		s.add(reflect.TypeOf(request), "")
	}
	return s
}

func (s *schema) add(t reflect.Type, prefix string) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return
	}
	for field := range t.Fields() {
		name, ok := field.Tag.Lookup("name")
		if !ok {
			continue
		}
		name = prefix + name
		switch field.Tag.Get("type") {
		case "Repeated":
			s.names[name+".N"] = struct{}{}
			s.add(field.Type, name+".N.")
		case "Struct":
			s.add(field.Type, name+".")
		case "Map":
			s.maps = append(s.maps, name+".")
		default:
			s.names[name] = struct{}{}
		}
	}
}

// knows says whether a request may carry the parameter.
func (s *schema) knows(name string) bool {
	if _, ok := s.names[name]; ok {
		return true
	}
	normal, listed := normalise(name)
	if listed {
		if _, ok := s.names[normal]; ok {
			return true
		}
	}
	return slices.ContainsFunc(s.maps, func(prefix string) bool { return strings.HasPrefix(normal, prefix) })
}

// normalise replaces the numbers of list members, which start at 1, by N.
func normalise(name string) (string, bool) {
	if !strings.Contains(name, ".") {
		return name, false
	}
	parts := strings.Split(name, ".")
	listed := false
	for i, part := range parts {
		if n, err := strconv.Atoi(part); i > 0 && err == nil && n >= 1 && part[0] != '0' && part[0] != '+' {
			parts[i], listed = "N", true
		}
	}
	return strings.Join(parts, "."), listed
}
