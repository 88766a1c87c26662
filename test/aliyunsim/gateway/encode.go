package gateway

import (
	"bytes"
	"encoding/json"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// encode writes a reply as JSON, without escaping HTML, as the cloud does.
func encode(reply api.Reply) (json.RawMessage, error) {
	if reply == nil {
		reply = api.Reply{}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(reply); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
