package metadata

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	clocktesting "k8s.io/utils/clock/testing"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// service is a metadata service with the knobs the tests need.
type service struct {
	mu      sync.Mutex
	entries map[string]string
	tokens  bool // knows tokens
	demand  bool // demands them
	valid   string
	status  int // answers everything with it when set
	puts    int
	gets    int
	hang    bool // the PUT never answers (hop limit)
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Method == http.MethodPut {
		s.puts++
		switch {
		case s.hang:
			panic(http.ErrAbortHandler)
		case !s.tokens:
			http.NotFound(w, r)
		case r.Header.Get("X-aliyun-ecs-metadata-token-ttl-seconds") != "21600":
			w.WriteHeader(http.StatusBadRequest)
		default:
			_, _ = w.Write([]byte(s.valid))
		}
		return
	}
	s.gets++
	token := r.Header.Get("X-aliyun-ecs-metadata-token")
	switch {
	case s.status != 0:
		w.WriteHeader(s.status)
	case s.demand && token != s.valid, token != "" && token != s.valid:
		w.WriteHeader(http.StatusForbidden)
	default:
		body, ok := s.entries[strings.TrimPrefix(r.URL.Path, "/latest/meta-data/")]
		if !ok {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte(body))
	}
}

func (s *service) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

func start(t *testing.T, s *service) (*Client, *clocktesting.FakePassiveClock) {
	t.Helper()
	if s.entries == nil {
		s.entries = map[string]string{
			"region-id": "cn-hangzhou", "zone-id": "cn-hangzhou-b", "vpc-id": "vpc-1", "vswitch-id": "vsw-1",
			"instance-id": "i-1", "ram/security-credentials/": "NodeRole\n",
			"ram/security-credentials/NodeRole": `{"Code":"Success","AccessKeyId":"STS.test","AccessKeySecret":"test-secret","SecurityToken":"test-token","Expiration":"2026-01-02T03:04:05Z"}`,
		}
	}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	clk := clocktesting.NewFakePassiveClock(time.Now())
	c, err := New(Options{BaseURL: server.URL, Clock: clk})
	if err != nil {
		t.Fatal(err)
	}
	return c, clk
}

func TestEveryEntryIsReadInEachMode(t *testing.T) {
	for name, s := range map[string]*service{
		"tokens demanded": {tokens: true, demand: true, valid: "T1"},
		"tokens allowed":  {tokens: true, valid: "T1"},
		"no tokens":       {},
		"token lost":      {hang: true},
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := start(t, s)
			for want, read := range map[string]func(context.Context) (string, error){
				"cn-hangzhou": c.RegionID, "cn-hangzhou-b": c.ZoneID, "vpc-1": c.VPCID, "vsw-1": c.VSwitchID,
				"i-1": c.InstanceID, "NodeRole": c.RAMRoleName,
			} {
				if got, err := read(t.Context()); got != want || err != nil {
					t.Errorf("got %q, %v, want %q", got, err, want)
				}
			}
			doc, err := c.RoleCredentials(t.Context(), "NodeRole")
			if err != nil || doc.AccessKeyID != "STS.test" || doc.SecurityToken != "test-token" || !doc.Expiration.Equal(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)) {
				t.Errorf("got %v, %v", doc.Expiration, err)
			}
			if s.puts != 1 {
				t.Errorf("a token was asked for %d times", s.puts)
			}
		})
	}
}

func TestForgottenTokenIsReplaced(t *testing.T) {
	s := &service{tokens: true, demand: true, valid: "T1"}
	c, _ := start(t, s)
	if _, err := c.RegionID(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.change(func() { s.valid = "T2" })
	if _, err := c.RegionID(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestTokenIsRenewedBeforeItExpires(t *testing.T) {
	s := &service{tokens: true, demand: true, valid: "T1"}
	c, clk := start(t, s)
	for range 2 {
		if _, err := c.RegionID(t.Context()); err != nil {
			t.Fatal(err)
		}
		clk.SetTime(clk.Now().Add(5*time.Hour + time.Minute))
	}
	if s.puts != 2 {
		t.Errorf("%d tokens", s.puts)
	}
}

func TestServerSwitchedToHardenedModeIsFollowed(t *testing.T) {
	s := &service{}
	c, _ := start(t, s)
	if _, err := c.RegionID(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.change(func() { s.tokens, s.demand, s.valid = true, true, "T1" })
	if _, err := c.RegionID(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAbsentEntryIsToldFromOneThatCannotBeRead(t *testing.T) {
	s := &service{}
	c, _ := start(t, s)
	s.change(func() { delete(s.entries, "ram/security-credentials/") })
	if _, err := c.RAMRoleName(t.Context()); !errors.Is(err, ErrNotFound) {
		t.Errorf("no role: %v", err)
	}
	for _, status := range []int{401, 403, 429, 500, 302} {
		s.change(func() { s.status = status })
		if _, err := c.RegionID(t.Context()); err == nil || errors.Is(err, ErrNotFound) {
			t.Errorf("HTTP %d: %v", status, err)
		}
	}
}

func TestAnswersOfOthersAreNotBelieved(t *testing.T) {
	s := &service{}
	c, _ := start(t, s)
	for _, body := range []string{"", "<html>log in</html>", "two words", strings.Repeat("x", 300), "a\nb"} {
		s.change(func() { s.entries["region-id"] = body })
		if got, err := c.RegionID(t.Context()); err == nil {
			t.Errorf("believed %q", got)
		}
	}
	for _, body := range []string{"", "x", `{"Code":"Failed"}`, `{"Code":"Success","AccessKeyId":"a"}`} {
		s.change(func() { s.entries["ram/security-credentials/NodeRole"] = body })
		if _, err := c.RoleCredentials(t.Context(), "NodeRole"); err == nil {
			t.Errorf("believed %q", body)
		}
	}
}

func TestMetadataIsNeverAskedThroughAProxy(t *testing.T) {
	proxied := false
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { proxied = true }))
	t.Cleanup(proxy.Close)
	t.Setenv("HTTP_PROXY", proxy.URL)
	// An address in the documentation range: a proxy is never used for loopback.
	c, err := New(Options{BaseURL: "http://192.0.2.1", Timeout: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.RegionID(t.Context()); err == nil || proxied {
		t.Errorf("proxied: %v, error: %v", proxied, err)
	}
}

func TestBadBaseURLIsRefused(t *testing.T) {
	for _, base := range []string{"100.100.100.200", "ftp://x", "http://", ":"} {
		if _, err := New(Options{BaseURL: base}); err == nil {
			t.Errorf("%q was accepted", base)
		}
	}
}
