package integration

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/metadata"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/ram"
	"github.com/kube-aliyun/kube-aliyun/test/rig"
)

const (
	role     = "masters"
	account  = "1234567890123456"
	roleARN  = "acs:ram::" + account + ":role/" + role
	provider = "acs:ram::" + account + ":oidc-provider/cluster"
)

// withRole is a rig whose region has a role, which all its servers have too.
func withRole(t *testing.T, servers int, change func(*metadata.Knobs)) *rig.Rig {
	t.Helper()
	r := fresh(t, rig.Options{Servers: servers})
	if err := r.Sim.Region.Identities.PutRole(ram.Role{Name: role, OIDCProvider: provider}); err != nil {
		t.Fatal(err)
	}
	r.Sim.Metadata(func(k *metadata.Knobs) {
		k.Role = role
		if change != nil {
			change(k)
		}
	})
	return r
}

// onServer starts a replica that knows nothing but the metadata service of the
// first server.
func onServer(r *rig.Rig, args ...string) *rig.Controller {
	r.T.Helper()
	return r.StartControllerWith(rig.ControllerConfig{NoKey: true, Args: append([]string{
		"--region=", "--vpc=", "--metadata-endpoint=" + r.Sim.MetadataURL(rig.ServerID(1)),
	}, args...)})
}

func TestServersRoleServesWithAndWithoutMetadataTokens(t *testing.T) {
	for name, change := range map[string]func(*metadata.Knobs){
		"hardened":   func(k *metadata.Knobs) { k.TokenRequired = true },
		"old server": func(k *metadata.Knobs) { k.TokensUnsupported = true },
	} {
		t.Run(name, func(t *testing.T) {
			r := withRole(t, 1, change)
			c := onServer(r, "--credentials=ram-role")
			c.WaitReady()
			awaitInitialised(r)
			awaitRouted(r)
			for key := range keysUsed(r) {
				if !strings.HasPrefix(key, "STS.") {
					t.Errorf("a call was signed with %q", key)
				}
			}
		})
	}
}

func TestLocationMayComeLate(t *testing.T) {
	r := withRole(t, 1, func(k *metadata.Knobs) { k.Disabled = true })
	c := onServer(r, "--credentials=ram-role")
	awaitUnready(r, c, 5*time.Second, "[-]location", "region", "metadata service", "--vpc")
	r.Never(4*time.Second, "it ended, or called with nothing known", func() (bool, string) {
		return c.Ended() != "" || total(r.Sim.Counts()) > 0, c.Ended() + fmt.Sprint(r.Sim.Counts())
	})
	r.Sim.Metadata(func(k *metadata.Knobs) { k.Disabled = false })
	r.Eventually(15*time.Second, "it works by itself", func() (bool, string) {
		status, body := c.Get("/readyz")
		return status == 200 && networkReady(node(r, rig.NodeName(1))), body
	})
	if told := toldInLog(c, "the metadata service does not tell"); told > 3 {
		t.Errorf("the wait was told %d times:\n%s", told, c.Tail(20))
	}
}

func TestRoleIsAssumedOnTopOfAKey(t *testing.T) {
	r := withRole(t, 1, nil)
	assumeOnly := ram.Policy{Version: "1", Statement: []ram.Statement{{Effect: "Allow", Action: ram.Strings{"sts:AssumeRole"}, Resource: ram.Strings{"*"}}}}
	putKey(r, ram.Key{ID: secondKey, Secret: secondSecret, Policies: []ram.Policy{assumeOnly}})
	c := r.StartControllerWith(rig.ControllerConfig{
		NoKey: true, Env: []string{"ALIYUN_ACCESS_KEY=" + secondKey, "ALIYUN_ACCESS_KEY_SECRET=" + secondSecret},
		Args: []string{"--assume-role-arn=" + roleARN},
	})
	c.WaitReady()
	awaitInitialised(r)
	awaitRouted(r)
	for _, e := range r.Sim.Journal() {
		if strings.HasPrefix(e.Key, "STS.") == (e.Action == "AssumeRole") {
			t.Errorf("%s was signed with %s", e.Action, e.Key)
		}
	}
	if n := r.Sim.Counts()["AssumeRole"]; n != 1 {
		t.Errorf("AssumeRole was called %d times", n)
	}
}

func TestServiceAccountsTokenBecomesCredentials(t *testing.T) {
	r := withRole(t, 1, nil)
	file := filepath.Join(t.TempDir(), "token")
	write := func(expires time.Time) {
		t.Helper()
		claims, err := json.Marshal(map[string]any{"sub": "system:serviceaccount:kube-system:aliyun-controller", "iss": "https://issuer", "aud": "sts.aliyuncs.com", "exp": expires.Unix()})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte("e30."+base64.RawURLEncoding.EncodeToString(claims)+".e30\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(time.Now().Add(-time.Minute))
	c := r.StartControllerWith(rig.ControllerConfig{NoKey: true, Env: []string{
		"ALIBABA_CLOUD_ROLE_ARN=" + roleARN, "ALIBABA_CLOUD_OIDC_PROVIDER_ARN=" + provider, "ALIBABA_CLOUD_OIDC_TOKEN_FILE=" + file,
	}})
	awaitUnready(r, c, 5*time.Second, "[-]credentials", roleARN, "AuthenticationFail.OIDCToken.Expired")
	if c.Ended() != "" {
		t.Fatal(c.Ended())
	}
	write(time.Now().Add(time.Hour)) // as the kubelet does
	c.WaitReady()
	awaitInitialised(r)
	awaitRouted(r)
	if n := r.Sim.Counts()["AssumeRoleWithOIDC"]; n > 6 {
		t.Errorf("STS was asked %d times", n)
	}
	if strings.Contains(c.Output(), "e30.") {
		t.Error("the token is in the log")
	}
}
