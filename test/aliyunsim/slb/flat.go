package slb

import (
	"encoding/json"
	"fmt"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// flat turns a reply struct into the body's top level, which the gateway adds
// RequestId to.
func flat(v any) api.Reply {
	data, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("slb: reply %T does not encode: %v", v, err))
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		panic(fmt.Sprintf("slb: reply %T is no object: %v", v, err))
	}
	r := make(api.Reply, len(fields))
	for name, value := range fields {
		r[name] = value
	}
	return r
}
