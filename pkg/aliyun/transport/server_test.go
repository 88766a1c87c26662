package transport

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/aliyun/alibaba-cloud-sdk-go/services/sts"
	"go.uber.org/goleak"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/credentials"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const okBody = `{"RequestId":"REQ-OK","AccountId":"1"}`

// reply is what the test server answers once.
type reply struct {
	status int
	body   string
	header map[string]string
	delay  time.Duration
	drop   bool // close the connection instead of answering
}

func refusal(code string, status int) reply {
	return reply{status: status, body: fmt.Sprintf(`{"RequestId":"REQ-ERR","Code":%q,"Message":"told so"}`, code)}
}

// server answers with its replies in turn, then with success.
type server struct {
	*httptest.Server
	mu      sync.Mutex
	replies []reply
	seen    []*http.Request
}

func newServer(t *testing.T, replies ...reply) *server {
	t.Helper()
	s := &server{replies: replies}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	return s
}

func (s *server) serve(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	s.mu.Lock()
	s.seen = append(s.seen, r)
	next := reply{status: http.StatusOK, body: okBody}
	if len(s.replies) > 0 {
		next, s.replies = s.replies[0], s.replies[1:]
	}
	s.mu.Unlock()
	if next.delay > 0 {
		select {
		case <-time.After(next.delay):
		case <-r.Context().Done():
		}
	}
	if next.drop {
		panic(http.ErrAbortHandler)
	}
	if next.status == 0 {
		next.status = http.StatusOK
	}
	for k, v := range next.header {
		w.Header().Set(k, v)
	}
	w.WriteHeader(next.status)
	_, _ = w.Write([]byte(next.body))
}

func (s *server) requests() []*http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*http.Request(nil), s.seen...)
}

// newTransport returns a transport that sends everything to url.
func newTransport(t *testing.T, url string, change ...func(*Options)) *Transport {
	t.Helper()
	opts := Options{
		Region:      "cn-hangzhou",
		Credentials: credentials.Static("test-key-id", "test-key-secret", ""),
		Endpoints:   map[Product]string{Sts: url, Ecs: url, Slb: url, Vpc: url},
	}
	for _, c := range change {
		c(&opts)
	}
	tr, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tr.Close)
	return tr
}

// read is a call that may be repeated; write is one that may not.
func read() Call {
	return Call{
		Product: Sts, Request: sts.CreateGetCallerIdentityRequest(),
		Response: sts.CreateGetCallerIdentityResponse(), Repeatable: true,
	}
}

func write() Call {
	request := sts.CreateAssumeRoleRequest()
	request.RoleArn = "acs:ram::1:role/test"
	return Call{Product: Sts, Request: request, Response: sts.CreateAssumeRoleResponse(), Mutating: true}
}

func shortly(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// await returns when ok holds.
func await(t *testing.T, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(10 * time.Second); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain")
		}
	}
}
