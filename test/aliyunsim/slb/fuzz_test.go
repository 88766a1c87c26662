package slb

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

func FuzzReadMembers(f *testing.F) {
	for _, s := range []string{
		`[{"ServerId":"i-1","Port":80,"Weight":"7"}]`, `["i-1"]`, `[{"ServerId":1}]`, `[null]`, `{}`, `[{"Port":{}}]`, `[{"ServerId":"i-1","Port":1e9}]`,
	} {
		f.Add(s)
	}
	p := newRig(f).p
	f.Fuzz(func(t *testing.T, s string) {
		members, err := p.readMembers(&api.Call{Params: api.Params{"BackendServers": s}}, groupForm)
		if err != nil {
			return
		}
		if len(members) > p.knobs.BackendsPerCall || !json.Valid([]byte(s)) {
			t.Errorf("%q is taken as %d members", s, len(members))
		}
		for i, m := range members {
			if m.ServerID == "" || m.Port < 1 || m.Port > 65535 || m.Weight < 0 || m.Weight > 100 {
				t.Errorf("%q: member %+v", s, m)
			}
			for _, other := range members[:i] {
				if other.same(m) {
					t.Errorf("%q: %+v twice", s, m)
				}
			}
		}
	})
}

func FuzzObjectIsJSON(f *testing.F) {
	f.Add("Description", "a\"b\\\x00ü</script>", "-1")
	f.Fuzz(func(t *testing.T, name, value, tagValue string) {
		l := &listener{Port: 80, Protocol: "tcp", Values: map[string]string{"Description": value}, Tags: []tag{{Key: name, Value: tagValue}}}
		var got struct {
			Description string
			Tags        []tagItem
		}
		if err := json.Unmarshal(l.listed(&loadBalancer{ID: "lb-1"}), &got); err != nil {
			t.Fatalf("%s: %v", l.listed(&loadBalancer{ID: "lb-1"}), err)
		}
		if utf8.ValidString(value) && got.Description != value {
			t.Errorf("description %q became %q", value, got.Description)
		}
	})
}
