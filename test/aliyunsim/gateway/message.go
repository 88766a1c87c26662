package gateway

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

const (
	maxBody   = 4 << 20
	recommend = "https://api.aliyun.com/troubleshoot?q="
)

// readParams merges the query and the form of a request; the form wins.
func readParams(r *http.Request) (api.Params, *api.Error) {
	params := api.Params{}
	if err := merge(params, r.URL.RawQuery); err != nil {
		return params, err
	}
	if r.Method == http.MethodPost && isForm(r) {
		raw, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
		if err != nil || len(raw) > maxBody {
			return params, api.Errorf(http.StatusBadRequest, "InvalidParameter", "The request's body cannot be read, or is too long.")
		}
		if err := merge(params, string(raw)); err != nil {
			return params, err
		}
	}
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		return params, api.Errorf(http.StatusBadRequest, "UnsupportedHTTPMethod", "The request uses an unsupported HTTP method.")
	}
	if r.URL.Path != "/" && r.URL.Path != "" {
		return params, api.Errorf(http.StatusNotFound, "InvalidAction.NotFound",
			"Specified api is not found, please check your url and method.")
	}
	if params["Action"] == "" {
		return params, api.Missing("Action")
	}
	return params, nil
}

func isForm(r *http.Request) bool {
	header := r.Header.Get("Content-Type")
	if header == "" {
		return true
	}
	kind, _, err := mime.ParseMediaType(header)
	return err == nil && kind == "application/x-www-form-urlencoded"
}

func merge(params api.Params, encoded string) *api.Error {
	values, err := url.ParseQuery(encoded)
	if err != nil {
		return api.Errorf(http.StatusBadRequest, "InvalidParameter", "The request's parameters are malformed: %v", err)
	}
	for name, v := range values {
		params[name] = v[0]
	}
	return nil
}

// deniedDetail is the object beside Code in newer answers about missing rights.
type deniedDetail struct {
	AuthAction               string
	AuthPrincipalDisplayName string
	AuthPrincipalOwnerId     string //nolint:revive // the vendor's name
	AuthPrincipalType        string
	NoPermissionType         string
	PolicyType               string
}

func failureBody(requestID, host string, f *failure) []byte {
	body, err := json.Marshal(struct {
		RequestId, HostId, Code, Message, Recommend string        //nolint:revive // the vendor's names
		AccessDeniedDetail                          *deniedDetail `json:",omitempty"`
	}{requestID, host, f.Code, f.Message, recommend + url.QueryEscape(f.Code), f.denied})
	if err != nil {
		panic(fmt.Sprintf("a struct of strings cannot be encoded: %v", err))
	}
	return body
}

// successBody puts the RequestId in front of an encoded reply.
func successBody(requestID string, reply json.RawMessage) []byte {
	head := `{"RequestId":"` + requestID + `"`
	if len(reply) <= 2 {
		return []byte(head + "}")
	}
	out := make([]byte, 0, len(head)+len(reply)+1)
	out = append(out, head...)
	out = append(out, ',')
	return append(out, reply[1:]...)
}

// newRequestID makes an upper-case UUID.
func newRequestID() string {
	var b [16]byte
	// Read never fails: it ends the program instead.
	_, _ = rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%X-%X-%X-%X-%X", b[0:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

// header sets what the failure tells besides its body.
func (f *failure) header(h http.Header) {
	if f.retryAfter > 0 {
		h.Set("X-Acs-Retry-After", strconv.FormatInt(f.retryAfter.Milliseconds(), 10))
	}
}
