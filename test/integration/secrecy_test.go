package integration

import (
	"errors"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/fault"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/ram"
	"github.com/kube-aliyun/kube-aliyun/test/rig"
)

// TestNothingSecretIsLogged: at the highest level of the log, with calls that
// fail in every way that puts a signed URL into an error.
func TestNothingSecretIsLogged(t *testing.T) {
	r := fresh(t, rig.Options{Servers: 2})
	session := ram.Session{
		KeyID: "STS.test-session", Secret: "test-session-secret", Token: "test-session/token+1=", Role: "test-role", Expires: time.Now().Add(time.Hour),
	}
	identities := r.Sim.Region.Identities
	if err := errors.Join(identities.PutRole(ram.Role{Name: session.Role}), identities.PutSession(time.Now(), session)); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	secrets := map[string]string{session.Secret: "the secret", session.Token: "the token"}
	r.Sim.Fault(fault.Rule{Kind: fault.Hook, Before: func(e fault.Event) {
		mu.Lock()
		defer mu.Unlock()
		secrets[e.Params["Signature"]] = "a signature"
	}})
	for _, kind := range []fault.Kind{fault.Reset, fault.Late, fault.NonJSON, fault.Empty, fault.ServerError, fault.Deny} {
		r.Sim.Fault(fault.Rule{Kind: kind, Count: 1, Delay: 100 * time.Millisecond})
	}
	c := r.StartControllerWith(rig.ControllerConfig{NoKey: true, Args: []string{"-v=10"}, Env: []string{
		"ALIYUN_ACCESS_KEY=" + session.KeyID, "ALIYUN_ACCESS_KEY_SECRET=" + session.Secret, "ALIYUN_SECURITY_TOKEN=" + session.Token,
	}})
	r.Eventually(time.Minute, "it works in spite of the faults", func() (bool, string) {
		_, body := c.Get("/readyz")
		return networkReady(node(r, rig.NodeName(1))), body + c.Tail(3)
	})
	c.Kill()
	log := c.Output()
	if !strings.Contains(log, "DescribeVpcs") {
		t.Fatalf("the log tells of no call:\n%s", c.Tail(20))
	}
	mu.Lock()
	defer mu.Unlock()
	for secret, what := range secrets {
		for _, form := range []string{secret, url.QueryEscape(secret), url.QueryEscape(url.QueryEscape(secret))} {
			if secret != "" && strings.Contains(log, form) {
				t.Errorf("the log holds %s", what)
			}
		}
	}
}
