package gateway

import (
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/fault"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/journal"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/ram"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/signature"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/simclock"
)

// counter is a product with one thing in it.
type counter struct {
	value int
	last  api.Params
}

type describeRequest struct {
	Instances string      `name:"InstanceIds"  position:"Query"`
	Tag       *[]tagParam `name:"Tag"          position:"Query" type:"Repeated"`
}

type tagParam struct {
	Key string `name:"Key"`
}

func (c *counter) Actions() []api.Action {
	return []api.Action{
		{Product: api.ECS, Name: "DescribeInstances", Request: &describeRequest{}, Handle: func(call *api.Call) (api.Reply, *api.Error) {
			c.last = call.Params
			return api.Reply{
				"TotalCount": c.value, "NextToken": "more", "Instances": api.Reply{"Instance": []any{api.Reply{"InstanceId": "i-<1>"}}},
				"Flat": []any{1}, "Shape": api.Reply{"A": 1, "B": []any{2}},
			}, nil
		}},
		{Product: api.ECS, Name: "StartInstance", Required: []string{"InstanceId"}, Extra: []string{"InstanceId"}, Mutating: true,
			Handle: func(*api.Call) (api.Reply, *api.Error) {
				c.value++
				return api.Reply{}, nil
			}},
		{Product: api.ECS, Name: "StopInstance", Mutating: true, Handle: func(*api.Call) (api.Reply, *api.Error) {
			return nil, api.Errorf(403, "IncorrectInstanceStatus", "no")
		}},
		{Product: api.ECS, Name: "RunInstances", Mutating: true, Handle: func(*api.Call) (api.Reply, *api.Error) { panic("boom") }},
		{Product: api.STS, Name: "AssumeRoleWithOIDC", Unsigned: true, Handle: func(*api.Call) (api.Reply, *api.Error) { return nil, nil }},
	}
}
func (c *counter) Advance(time.Time) time.Time    { return time.Time{} }
func (c *counter) Dump() (json.RawMessage, error) { return nil, nil }
func (c *counter) Restore(json.RawMessage) error  { return nil }

type rig struct {
	t       *testing.T
	g       *Gateway
	product *counter
	lock    sync.Mutex
	region  api.Knobs
	faults  *fault.Set
	journal *journal.Journal
	store   *ram.Store
	clock   *simclock.Clock
	server  *httptest.Server
	client  *http.Client
}

func newRig(t *testing.T, scale float64) *rig {
	t.Helper()
	x := &rig{
		t: t, product: &counter{}, faults: fault.NewSet(rand.New(rand.NewPCG(1, 1))), journal: journal.New(100),
		store: ram.NewStore("1234"), clock: simclock.New(scale, time.Time{}), region: api.DefaultKnobs(),
	}
	if err := x.store.PutKey(ram.Key{ID: "test-key", Secret: "test-secret"}); err != nil {
		t.Fatal(err)
	}
	x.g = New(t.Context(), Options{
		Region: "cn-test", Products: []api.State{x.product}, Lock: &x.lock, RegionKnobs: &x.region, Clock: x.clock,
		Identities: x.store, Faults: x.faults, Journal: x.journal, Knobs: DefaultKnobs(), Rand: rand.New(rand.NewPCG(1, 1)),
	})
	x.server = httptest.NewServer(x.g)
	x.client = x.server.Client()
	t.Cleanup(func() {
		x.g.Stop()
		x.server.Close()
	})
	return x
}

func (x *rig) value() int {
	x.lock.Lock()
	defer x.lock.Unlock()
	return x.product.value
}

func (x *rig) last() api.Params {
	x.lock.Lock()
	defer x.lock.Unlock()
	return x.product.last
}

var nonce atomic.Int64

// params are a complete request's; key=value pairs add to it or replace, and
// "-key" takes away.
func params(action string, changes ...string) map[string]string {
	p := map[string]string{
		"Action": action, "Version": "2014-05-26", "Format": "JSON", "AccessKeyId": "test-key", "RegionId": "cn-test",
		"SignatureMethod": "HMAC-SHA1", "SignatureVersion": "1.0", "SignatureType": "", "SignatureNonce": strconv.FormatInt(nonce.Add(1), 10),
		"Timestamp": time.Now().UTC().Format(timestampLayout),
	}
	for _, c := range changes {
		if name, ok := strings.CutPrefix(c, "-"); ok {
			delete(p, name)
			continue
		}
		name, value, _ := strings.Cut(c, "=")
		p[name] = value
	}
	return p
}

func signed(method, secret string, p map[string]string) url.Values {
	v := url.Values{}
	for name, value := range p {
		v.Set(name, value)
	}
	if v.Get("Signature") == "" {
		v.Set("Signature", signature.Sign(secret, signature.StringToSign(method, p)))
	}
	return v
}

type result struct {
	status int
	header http.Header
	raw    string
	body   struct {
		RequestID, HostID, Code, Message, Recommend string
		AccessDeniedDetail                          map[string]any
	}
}

func (r result) is(status int, code string) bool { return r.status == status && r.body.Code == code }

// do sends values in the query (GET, or POST with an empty body) or in the form.
func (x *rig) do(method string, query, form url.Values) (result, error) {
	x.t.Helper()
	target := x.server.URL + "/"
	if query != nil {
		target += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(x.t.Context(), method, target, strings.NewReader(form.Encode()))
	if err != nil {
		x.t.Fatal(err)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := x.client.Do(req)
	if err != nil {
		return result{}, err
	}
	raw, err := io.ReadAll(resp.Body)
	err = errors.Join(err, resp.Body.Close())
	if err != nil {
		return result{}, err
	}
	out := result{status: resp.StatusCode, header: resp.Header, raw: string(raw)}
	// Some faults send no JSON on purpose.
	_ = json.Unmarshal(raw, &out.body)
	return out, nil
}

// call signs and sends a GET.
func (x *rig) call(action string, changes ...string) result {
	x.t.Helper()
	r, err := x.do(http.MethodGet, signed(http.MethodGet, "test-secret", params(action, changes...)), nil)
	if err != nil {
		x.t.Fatal(err)
	}
	return r
}
