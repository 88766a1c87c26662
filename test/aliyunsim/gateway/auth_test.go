package gateway

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/ram"
)

func TestGetPostQueryAndPostFormAreTheSame(t *testing.T) {
	x := newRig(t, 1)
	for name, send := range map[string]func() (result, error){
		"GET": func() (result, error) {
			return x.do(http.MethodGet, signed(http.MethodGet, "test-secret", params("DescribeInstances", "InstanceIds=[]")), nil)
		},
		"POST query": func() (result, error) {
			return x.do(http.MethodPost, signed(http.MethodPost, "test-secret", params("DescribeInstances", "InstanceIds=[]")), nil)
		},
		"POST form": func() (result, error) {
			return x.do(http.MethodPost, nil, signed(http.MethodPost, "test-secret", params("DescribeInstances", "InstanceIds=[]")))
		},
		"POST both": func() (result, error) {
			all := signed(http.MethodPost, "test-secret", params("DescribeInstances", "InstanceIds=[]"))
			query := map[string][]string{"Action": all["Action"], "Version": all["Version"]}
			all.Del("Action")
			all.Del("Version")
			return x.do(http.MethodPost, query, all)
		},
	} {
		r, err := send()
		if err != nil || r.status != 200 || x.last()["InstanceIds"] != "[]" {
			t.Errorf("%s: %d %s %v", name, r.status, r.raw, err)
		}
	}
}

func TestRefusals(t *testing.T) {
	x := newRig(t, 1)
	if err := x.store.PutKey(ram.Key{ID: "off", Secret: "test-secret", Inactive: true}); err != nil {
		t.Fatal(err)
	}
	stamp := func(d time.Duration) string { return "Timestamp=" + time.Now().Add(d).UTC().Format(timestampLayout) }
	for name, c := range map[string]struct {
		action  string
		changes []string
		status  int
		code    string
	}{
		"unknown action":       {"Nonsense", nil, 404, "InvalidAction.NotFound"},
		"unknown version":      {"DescribeInstances", []string{"Version=2000-01-01"}, 400, "InvalidVersion"},
		"other product":        {"DescribeInstances", []string{"Version=2014-05-15"}, 404, "InvalidAction.NotFound"},
		"no action":            {"", nil, 400, "MissingParameter"},
		"unknown key":          {"DescribeInstances", []string{"AccessKeyId=nobody"}, 404, "InvalidAccessKeyId.NotFound"},
		"inactive key":         {"DescribeInstances", []string{"AccessKeyId=off"}, 400, "InvalidAccessKeyId.Inactive"},
		"wrong signature":      {"DescribeInstances", []string{"Signature=AAAA"}, 400, "SignatureDoesNotMatch"},
		"no nonce":             {"DescribeInstances", []string{"-SignatureNonce"}, 400, "IncompleteSignature"},
		"signature version":    {"DescribeInstances", []string{"SignatureVersion=2.0"}, 400, "IncompleteSignature"},
		"stale":                {"DescribeInstances", []string{stamp(-16 * time.Minute)}, 400, "InvalidTimeStamp.Expired"},
		"from the future":      {"DescribeInstances", []string{stamp(16 * time.Minute)}, 400, "InvalidTimeStamp.Expired"},
		"almost stale":         {"DescribeInstances", []string{stamp(-14 * time.Minute)}, 200, ""},
		"malformed time":       {"DescribeInstances", []string{"Timestamp=yesterday"}, 400, "InvalidTimeStamp.Format"},
		"token with a key":     {"DescribeInstances", []string{"SecurityToken=x"}, 400, "InvalidSecurityToken.Malformed"},
		"unknown region":       {"DescribeInstances", []string{"RegionId=cn-moon"}, 404, "InvalidRegionId.NotFound"},
		"missing parameter":    {"StartInstance", nil, 400, "MissingParameter"},
		"empty parameter":      {"StartInstance", []string{"InstanceId="}, 400, "MissingParameter"},
		"unknown parameter":    {"DescribeInstances", []string{"InstanceIDs=[]"}, 400, "UnknownParameter"},
		"list member":          {"DescribeInstances", []string{"Tag.1.Key=a", "Tag.12.Key=b"}, 200, ""},
		"list member 0":        {"DescribeInstances", []string{"Tag.0.Key=a"}, 400, "UnknownParameter"},
		"list member's field":  {"DescribeInstances", []string{"Tag.1.Name=a"}, 400, "UnknownParameter"},
		"XML":                  {"DescribeInstances", []string{"Format=XML"}, 400, "InvalidParameter.Format"},
		"product's own error":  {"StopInstance", nil, 403, "IncorrectInstanceStatus"},
		"panic in the product": {"RunInstances", nil, 500, "InternalError"},
	} {
		r := x.call(c.action, c.changes...)
		if !r.is(c.status, c.code) {
			t.Errorf("%s: got %d %s", name, r.status, r.raw)
		}
		if r.body.RequestID == "" || c.code != "" && (r.body.HostID == "" || r.body.Recommend == "") {
			t.Errorf("%s: incomplete answer %s", name, r.raw)
		}
	}
	if x.value() != 0 {
		t.Errorf("a refused call changed the state")
	}
}

func TestMismatchTellsTheStringToSign(t *testing.T) {
	x := newRig(t, 1)
	p := params("DescribeInstances")
	r, err := x.do(http.MethodGet, signed(http.MethodPost, "test-secret", p), nil)
	if err != nil || !r.is(400, "SignatureDoesNotMatch") {
		t.Fatalf("a signature for POST on GET: %d %s %v", r.status, r.raw, err)
	}
	if !strings.Contains(r.body.Message, "server string to sign is:GET&%2F&AccessKeyId%3Dtest-key") {
		t.Errorf("message %q", r.body.Message)
	}
}

func TestNonceServesOnce(t *testing.T) {
	x := newRig(t, 1)
	v := signed(http.MethodGet, "test-secret", params("DescribeInstances"))
	first, err := x.do(http.MethodGet, v, nil)
	if err != nil || first.status != 200 {
		t.Fatalf("%d %v", first.status, err)
	}
	if second, err := x.do(http.MethodGet, v, nil); err != nil || !second.is(400, "SignatureNonceUsed") {
		t.Fatalf("replay: %d %s %v", second.status, second.raw, err)
	}
}

func TestBadSignatureDoesNotUseUpTheNonce(t *testing.T) {
	x := newRig(t, 1)
	p := params("DescribeInstances")
	if r, err := x.do(http.MethodGet, signed(http.MethodGet, "wrong", p), nil); err != nil || !r.is(400, "SignatureDoesNotMatch") {
		t.Fatalf("%d %s %v", r.status, r.raw, err)
	}
	if r, err := x.do(http.MethodGet, signed(http.MethodGet, "test-secret", p), nil); err != nil || r.status != 200 {
		t.Fatalf("%d %s %v", r.status, r.raw, err)
	}
}

func TestNonceIsKeptForTwoWindows(t *testing.T) {
	n := newNonces()
	now := time.Now()
	window := 15 * time.Minute
	if !n.use("a", now, window) {
		t.Fatal("a fresh nonce is refused")
	}
	for i := range 2 {
		now = now.Add(window - time.Second)
		if n.use("a", now, window) {
			t.Fatalf("the nonce serves again after %d windows", i+1)
		}
		n.use(now.String(), now, window)
	}
	for range 3 {
		now = now.Add(window)
		n.use(now.String(), now, window)
	}
	if !n.use("a", now, window) {
		t.Fatal("the nonce is kept for ever")
	}
}

func TestUnsignedActionNeedsNoKey(t *testing.T) {
	x := newRig(t, 1)
	r, err := x.do(http.MethodPost, map[string][]string{"Action": {"AssumeRoleWithOIDC"}, "Version": {"2015-04-01"}, "Format": {"JSON"}}, nil)
	if err != nil || r.status != 200 || r.raw != `{"RequestId":"`+r.body.RequestID+`"}` {
		t.Fatalf("%d %s %v", r.status, r.raw, err)
	}
}

func TestSecurityTokens(t *testing.T) {
	x := newRig(t, 0)
	now := x.clock.Now()
	if err := x.store.PutRole(ram.Role{Name: "nodes"}); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"STS.a", "STS.b"} {
		if err := x.store.PutSession(now, ram.Session{KeyID: id, Secret: "test-secret", Token: "token-" + id, Role: "nodes", Expires: now.Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
	}
	key := "AccessKeyId=STS.a"
	for want, changes := range map[string][]string{
		"":                               {key, "SecurityToken=token-STS.a"},
		"MissingSecurityToken":           {key},
		"InvalidSecurityToken.Malformed": {key, "SecurityToken=x"},
		"InvalidSecurityToken.MismatchWithAccessKey": {key, "SecurityToken=token-STS.b"},
	} {
		if r := x.call("DescribeInstances", changes...); r.body.Code != want {
			t.Errorf("got %s, want %q", r.raw, want)
		}
	}
	x.clock.Step(time.Hour)
	if r := x.call("DescribeInstances", key, "SecurityToken=token-STS.a"); !r.is(400, "InvalidSecurityToken.Expired") {
		t.Errorf("after an hour: %s", r.raw)
	}
}

func TestPolicyDecidesByAction(t *testing.T) {
	x := newRig(t, 1)
	policy, err := ram.ParsePolicy(`{"Statement":[{"Effect":"Allow","Action":"ecs:Start*"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	if err := x.store.PutKey(ram.Key{ID: "limited", Secret: "test-secret", User: "bob", Policies: []ram.Policy{policy}}); err != nil {
		t.Fatal(err)
	}
	key := "AccessKeyId=limited"
	if r := x.call("StartInstance", key, "InstanceId=i-1"); r.status != 200 {
		t.Errorf("allowed action: %s", r.raw)
	}
	r := x.call("DescribeInstances", key)
	if !r.is(403, "Forbidden.RAM") || r.body.AccessDeniedDetail["AuthAction"] != "ecs:DescribeInstances" ||
		r.body.AccessDeniedDetail["NoPermissionType"] != "ImplicitDeny" {
		t.Errorf("denied action: %d %s", r.status, r.raw)
	}
	x.lock.Lock()
	x.region.EmptyListWithoutPermission = true
	x.lock.Unlock()
	if r := x.call("DescribeInstances", key); r.status != 200 || !strings.Contains(r.raw, `"Instances":{"Instance":[]}`) {
		t.Errorf("with the knob: %d %s", r.status, r.raw)
	}
	if r := x.call("StopInstance", key); !r.is(403, "Forbidden.RAM") {
		t.Errorf("the knob concerns lists alone: %s", r.raw)
	}
}
