package slb

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// flat turns a reply struct into the body's top level, to which the gateway
// adds RequestId.
func flat(v any) api.Reply {
	r := api.Reply{}
	spread(r, reflect.ValueOf(v))
	return r
}

func spread(r api.Reply, v reflect.Value) {
	for field, value := range v.Fields() {
		if field.Anonymous {
			spread(r, value)
			continue
		}
		name, option, _ := strings.Cut(field.Tag.Get("json"), ",")
		if option == "omitempty" && value.IsZero() {
			continue
		}
		if name == "" {
			name = field.Name
		}
		r[name] = value.Interface()
	}
}

// object is a JSON object in the making. Lists of thousands of listeners are
// asked for in every audit: written directly they cost a fraction of maps.
type object []byte

func (o object) name(name string) object {
	if len(o) == 0 {
		o = append(o, '{')
	} else {
		o = append(o, ',')
	}
	o = append(o, '"')
	o = append(o, name...)
	return append(o, '"', ':')
}

func (o object) whole(name string, n int) object {
	return strconv.AppendInt(o.name(name), int64(n), 10)
}

func (o object) truth(name string, b bool) object {
	return strconv.AppendBool(o.name(name), b)
}

func (o object) text(name, value string) object {
	o = o.name(name)
	for i := range len(value) {
		if c := value[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return append(o, quoted(value)...)
		}
	}
	o = append(o, '"')
	o = append(o, value...)
	return append(o, '"')
}

// raw adds a member that is JSON already.
func (o object) raw(name string, value []byte) object {
	return append(o.name(name), value...)
}

// done is the finished object.
func (o object) done() json.RawMessage {
	if len(o) == 0 {
		return json.RawMessage("{}")
	}
	return json.RawMessage(append(o, '}'))
}

// quoted is text as JSON, and texts is a list of it.
func quoted(value string) []byte {
	data, err := json.Marshal(value)
	if err != nil {
		return []byte(`""`)
	}
	return data
}

func texts(values []string) []byte {
	out := []byte{'['}
	for i, v := range values {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, quoted(v)...)
	}
	return append(out, ']')
}
