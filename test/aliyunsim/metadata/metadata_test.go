package metadata

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/simclock"
)

// source is a region of two servers.
type source struct{}

func (source) Instance(id string) (Instance, bool) {
	switch id {
	case "", "i-1":
		return Instance{
			ID: "i-1", Region: "cn-test", Zone: "cn-test-a", VPC: "vpc-1", VPCCIDR: "192.168.0.0/16", VSwitch: "vsw-1",
			VSwitchCIDR: "192.168.0.0/20", PrivateIP: "192.168.1.1", HostName: "one", Account: "1234", Type: "ecs.g7.large",
			Interfaces: []Interface{
				{ID: "eni-1", MAC: "00:16:3e:00:00:01", PrimaryIP: "192.168.1.1", PrivateIPs: []string{"192.168.1.1", "192.168.1.2"}, VSwitch: "vsw-1", VSwitchCIDR: "192.168.0.0/20"},
				{ID: "eni-2", MAC: "00:16:3e:00:00:02", PrimaryIP: "192.168.1.3", VSwitch: "vsw-1", VSwitchCIDR: "192.168.0.0/20"},
			},
		}, true
	case "i-2":
		return Instance{ID: "i-2", PublicIP: "47.1.2.3"}, true
	}
	return Instance{}, false
}

func (source) RoleDocument(role string, _, _ time.Duration) (string, bool) {
	return `{"Code":"Success"}`, role == "nodes"
}

type rig struct {
	t      *testing.T
	s      *Service
	clock  *simclock.Clock
	server *httptest.Server
}

func newRig(t *testing.T, change func(*Knobs)) *rig {
	t.Helper()
	x := &rig{t: t, clock: simclock.New(0, time.Time{})}
	ctx, cancel := context.WithCancel(t.Context())
	x.s = New(ctx, source{}, x.clock)
	k := DefaultKnobs()
	if change != nil {
		change(&k)
	}
	x.s.SetKnobs(k)
	x.server = httptest.NewServer(x.s)
	t.Cleanup(func() {
		cancel()
		x.server.Close()
	})
	return x
}

// do sends a request with headers given as name, value.
func (x *rig) do(method, path string, headers ...string) (int, string) {
	x.t.Helper()
	req, err := http.NewRequestWithContext(x.t.Context(), method, x.server.URL+path, http.NoBody)
	if err != nil {
		x.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := x.server.Client().Do(req)
	if err != nil {
		return 0, err.Error()
	}
	body, err := io.ReadAll(resp.Body)
	err = errors.Join(err, resp.Body.Close())
	if err != nil {
		x.t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestPaths(t *testing.T) {
	x := newRig(t, func(k *Knobs) { k.Role = "nodes" })
	for path, want := range map[string]string{
		"/latest/meta-data/instance-id":                                             "i-1",
		"/latest/meta-data/region-id":                                               "cn-test",
		"/latest/meta-data/zone-id":                                                 "cn-test-a",
		"/latest/meta-data/vpc-id":                                                  "vpc-1",
		"/latest/meta-data/vpc-cidr-block":                                          "192.168.0.0/16",
		"/latest/meta-data/private-ipv4":                                            "192.168.1.1",
		"/latest/meta-data/mac":                                                     "00:16:3e:00:00:01",
		"/latest/meta-data/instance/instance-type":                                  "ecs.g7.large",
		"/latest/meta-data/network/interfaces/macs/":                                "00:16:3e:00:00:01/\n00:16:3e:00:00:02/",
		"/latest/meta-data/network/interfaces/macs/00:16:3e:00:00:01/private-ipv4s": `["192.168.1.1","192.168.1.2"]`,
		"/latest/meta-data/network/interfaces/macs/00:16:3e:00:00:01/gateway":       "192.168.15.253",
		"/latest/meta-data/network/interfaces/macs/00:16:3e:00:00:01/netmask":       "255.255.240.0",
		"/latest/meta-data/ram/security-credentials/":                               "nodes",
		"/latest/meta-data/ram/security-credentials/nodes":                          `{"Code":"Success"}`,
		"/metadata/i-2/latest/meta-data/eipv4":                                      "47.1.2.3",
		"/metadata/i-2/latest/meta-data/instance-id":                                "i-2",
	} {
		if status, body := x.do(http.MethodGet, path); status != 200 || body != want {
			t.Errorf("%s: %d %q, want %q", path, status, body, want)
		}
	}
}

func TestUnknownPathsAre404(t *testing.T) {
	x := newRig(t, nil)
	for _, path := range []string{
		"/latest/meta-data/nothing", "/latest/meta-data/eipv4", "/latest/meta-data/instance/spot/termination-time",
		"/latest/meta-data/ram/security-credentials/", "/latest/meta-data/ram/security-credentials/nodes",
		"/metadata/i-3/latest/meta-data/instance-id", "/metadata/i-1", "/metadata/i-1/else", "/latest/user-data",
	} {
		if status, body := x.do(http.MethodGet, path); status != 404 {
			t.Errorf("%s: %d %q", path, status, body)
		}
	}
}

func TestListingNamesFoldersAndLeaves(t *testing.T) {
	_, body := newRig(t, nil).do(http.MethodGet, "/latest/meta-data/")
	lines := strings.Split(body, "\n")
	for _, want := range []string{"instance-id", "network/", "instance/"} {
		found := false
		for _, line := range lines {
			found = found || line == want
		}
		if !found {
			t.Errorf("%v lacks %s", lines, want)
		}
	}
}

const tokenPath = "/latest/api/token"

func TestTokenMode(t *testing.T) {
	x := newRig(t, func(k *Knobs) { k.TokenRequired = true })
	const leaf = "/latest/meta-data/instance-id"
	if status, _ := x.do(http.MethodGet, leaf); status != 403 {
		t.Errorf("without a token: %d", status)
	}
	status, token := x.do(http.MethodPut, tokenPath, ttlHeader, "60")
	if status != 200 || token == "" {
		t.Fatalf("token: %d %q", status, token)
	}
	for range 2 {
		if status, body := x.do(http.MethodGet, leaf, tokenHeader, token); status != 200 || body != "i-1" {
			t.Errorf("with the token: %d %q", status, body)
		}
	}
	if status, _ := x.do(http.MethodGet, "/metadata/i-2"+leaf, tokenHeader, token); status != 403 {
		t.Errorf("another server's token: %d", status)
	}
	x.clock.Step(time.Minute)
	if status, _ := x.do(http.MethodGet, leaf, tokenHeader, token); status != 403 {
		t.Errorf("an expired token: %d", status)
	}
}

func TestTokenRequestsAreChecked(t *testing.T) {
	x := newRig(t, nil)
	for name, c := range map[string]struct {
		method string
		header []string
		status int
	}{
		"ttl 0":     {http.MethodPut, []string{ttlHeader, "0"}, 400},
		"ttl large": {http.MethodPut, []string{ttlHeader, "21601"}, 400},
		"no ttl":    {http.MethodPut, nil, 400},
		"forwarded": {http.MethodPut, []string{ttlHeader, "60", "X-Forwarded-For", "1.2.3.4"}, 403},
		"GET":       {http.MethodGet, nil, 405},
		"largest":   {http.MethodPut, []string{ttlHeader, "21600"}, 200},
	} {
		if status, body := x.do(c.method, tokenPath, c.header...); status != c.status {
			t.Errorf("%s: %d %q, want %d", name, status, body, c.status)
		}
	}
	if status, _ := x.do(http.MethodGet, "/latest/meta-data/instance-id", tokenHeader, "made-up"); status != 403 {
		t.Errorf("a made-up token: %d", status)
	}
}

func TestOldServersKnowNoTokens(t *testing.T) {
	x := newRig(t, func(k *Knobs) { k.TokensUnsupported = true })
	if status, _ := x.do(http.MethodPut, tokenPath, ttlHeader, "60"); status != 404 {
		t.Errorf("token: %d", status)
	}
	if status, _ := x.do(http.MethodGet, "/latest/meta-data/instance-id"); status != 200 {
		t.Errorf("read: %d", status)
	}
}

func TestDisabledServiceAnswersNothing(t *testing.T) {
	if status, body := newRig(t, func(k *Knobs) { k.Disabled = true }).do(http.MethodGet, "/latest/meta-data/instance-id"); status != 0 {
		t.Fatalf("%d %q", status, body)
	}
}

func TestTokenRequestIsDelayed(t *testing.T) {
	x := newRig(t, func(k *Knobs) { k.TokenDelay = time.Minute })
	done := make(chan int, 1)
	go func() {
		status, _ := x.do(http.MethodPut, tokenPath, ttlHeader, "60")
		done <- status
	}()
	select {
	case <-done:
		t.Fatal("not delayed")
	case <-time.After(20 * time.Millisecond):
	}
	for {
		x.clock.Step(time.Minute)
		select {
		case status := <-done:
			if status != 200 {
				t.Fatalf("status %d", status)
			}
			return
		case <-time.After(time.Millisecond):
		}
	}
}

func TestFailingRoleIsAnError(t *testing.T) {
	x := newRig(t, func(k *Knobs) { k.Role, k.RoleFails = "nodes", true })
	if status, _ := x.do(http.MethodGet, "/latest/meta-data/ram/security-credentials/nodes"); status != 500 {
		t.Fatalf("status %d", status)
	}
}
