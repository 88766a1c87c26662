package sts

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/ram"
)

const roleARN = "acs:ram::1234:role/nodes"

var now = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

func product(t *testing.T) *Product {
	t.Helper()
	store := ram.NewStore("1234")
	for _, r := range []ram.Role{{Name: "nodes"}, {Name: "closed", DenyAssume: true}, {Name: "long", MaxSession: 7200, OIDCProvider: "acs:ram::1234:oidc-provider/ours"}} {
		if err := store.PutRole(r); err != nil {
			t.Fatal(err)
		}
	}
	return New(Options{
		Account: "1234", Identities: store, Rand: rand.New(rand.NewPCG(1, 1)),
		Wall: func(t time.Time) time.Time { return t },
	})
}

func (p *Product) do(t *testing.T, action string, params api.Params) (api.Reply, *api.Error) {
	t.Helper()
	for _, a := range p.Actions() {
		if a.Name == action {
			return a.Handle(&api.Call{Action: action, Now: now, Params: params})
		}
	}
	t.Fatalf("no action %s", action)
	return nil, nil
}

func token(claims string) string {
	return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln"
}

func TestAssumedRoleIsACallerUntilItExpires(t *testing.T) {
	p := product(t)
	reply, failure := p.do(t, "AssumeRole", api.Params{"RoleArn": roleARN, "RoleSessionName": "me", "DurationSeconds": "900"})
	if failure != nil {
		t.Fatal(failure)
	}
	c, ok := reply["Credentials"].(api.Reply)
	if !ok || c["Expiration"] != "2030-01-01T00:15:00Z" {
		t.Fatalf("credentials %v", reply)
	}
	id, ok := c["AccessKeyId"].(string)
	if !ok || !strings.HasPrefix(id, "STS.") {
		t.Fatalf("key id %v", c["AccessKeyId"])
	}
	caller, ok := p.identities.Caller(id)
	if !ok || caller.Token != c["SecurityToken"] || caller.Secret != c["AccessKeySecret"] || !caller.Expires.Equal(now.Add(15*time.Minute)) {
		t.Fatalf("caller %+v", caller)
	}
	who, failure := p.do(t, "GetCallerIdentity", api.Params{"AccessKeyId": id})
	if failure != nil || who["Arn"] != "acs:ram::1234:assumed-role/nodes/me" || who["IdentityType"] != "AssumedRoleUser" {
		t.Fatalf("identity %v, %v", who, failure)
	}
}

func TestRefusalsOfAssumeRole(t *testing.T) {
	p := product(t)
	for name, c := range map[string]struct {
		change api.Params
		status int
		code   string
	}{
		"unknown role":    {api.Params{"RoleArn": "acs:ram::1234:role/none"}, 404, "EntityNotExist.Role"},
		"other account":   {api.Params{"RoleArn": "acs:ram::9999:role/nodes"}, 404, "EntityNotExist.Role"},
		"malformed":       {api.Params{"RoleArn": "nodes"}, 400, "InvalidParameter.RoleArn"},
		"denied":          {api.Params{"RoleArn": "acs:ram::1234:role/closed"}, 403, "NoPermission"},
		"short name":      {api.Params{"RoleSessionName": "x"}, 400, "InvalidParameter.RoleSessionName"},
		"short duration":  {api.Params{"DurationSeconds": "899"}, 400, "InvalidParameter.DurationSeconds"},
		"long duration":   {api.Params{"DurationSeconds": "3601"}, 400, "InvalidParameter.DurationSeconds"},
		"duration letter": {api.Params{"DurationSeconds": "x"}, 400, "InvalidParameter"},
		"policy":          {api.Params{"Policy": "{"}, 400, "InvalidParameter.PolicyGrammar"},
	} {
		params := api.Params{"RoleArn": roleARN, "RoleSessionName": "me"}
		for k, v := range c.change {
			params[k] = v
		}
		_, failure := p.do(t, "AssumeRole", params)
		if failure == nil || failure.Status != c.status || failure.Code != c.code {
			t.Errorf("%s: got %v, want %d %s", name, failure, c.status, c.code)
		}
	}
}

func TestRoleAllowsLongerSessions(t *testing.T) {
	_, failure := product(t).do(t, "AssumeRole", api.Params{"RoleArn": "acs:ram::1234:role/long", "RoleSessionName": "me", "DurationSeconds": "7200"})
	if failure != nil {
		t.Fatal(failure)
	}
}

func TestOIDCTokenIsReadAndDated(t *testing.T) {
	fresh := now.Add(time.Hour).Unix()
	for name, c := range map[string]struct {
		role, provider, token, code string
	}{
		"good":           {"nodes", "p", token(fmt.Sprintf(`{"sub":"s","iss":"i","aud":["a"],"exp":%d}`, fresh)), ""},
		"one audience":   {"nodes", "p", token(fmt.Sprintf(`{"sub":"s","iss":"i","aud":"a","exp":%d}`, fresh)), ""},
		"expired":        {"nodes", "p", token(`{"exp":` + strconv.FormatInt(now.Unix(), 10) + `}`), "AuthenticationFail.OIDCToken.Expired"},
		"no token":       {"nodes", "p", "rubbish", "AuthenticationFail.OIDCToken.Invalid"},
		"no claims":      {"nodes", "p", "a.b.c", "AuthenticationFail.OIDCToken.Invalid"},
		"right provider": {"long", "acs:ram::1234:oidc-provider/ours", token(`{}`), ""},
		"other provider": {"long", "acs:ram::1234:oidc-provider/theirs", token(`{}`), "AuthenticationFail.NoPermission"},
		"unknown role":   {"none", "p", token(`{}`), "EntityNotExist.Role"},
	} {
		reply, failure := product(t).do(t, "AssumeRoleWithOIDC", api.Params{
			"RoleArn": "acs:ram::1234:role/" + c.role, "RoleSessionName": "me", "OIDCProviderArn": c.provider, "OIDCToken": c.token,
		})
		got := ""
		if failure != nil {
			got = failure.Code
		}
		if got != c.code || c.code == "" && reply["Credentials"] == nil {
			t.Errorf("%s: got %q, want %q", name, got, c.code)
		}
	}
}
