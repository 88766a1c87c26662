package credentials

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"k8s.io/klog/v2"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestCredentialsNeverPrint(t *testing.T) {
	c := Credentials{AccessKeyID: "test-id", AccessKeySecret: "test-secret", SecurityToken: "test-token", Provider: "file"}
	var text strings.Builder
	fmt.Fprintf(&text, "%v %+v %#v %s %q", c, c, c, c, c)
	slog.New(slog.NewTextHandler(&text, nil)).Info("x", "c", c)
	logger := klog.NewKlogr()
	klog.LogToStderr(false)
	klog.SetOutput(&text)
	logger.Info("x", "c", c)
	klog.Flush()
	if out := text.String(); strings.Contains(out, "test-") || !strings.Contains(out, "file") {
		t.Error(out)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func newFile(t *testing.T) (*File, string, *clocktesting.FakePassiveClock) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "credentials")
	clk := clocktesting.NewFakePassiveClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	f := NewFile(path)
	f.clock = clk
	return f, path, clk
}

func TestChangedFileIsUsedByTheNextCall(t *testing.T) {
	f, path, _ := newFile(t)
	for _, c := range []struct{ text, id, secret, token string }{
		{"accessKey: test-a\naccessKeySecret: test-b\n", "test-a", "test-b", ""},
		{`{"accessKey":"test-c","accessKeySecret":"test-d","securityToken":"test-e"}`, "test-c", "test-d", "test-e"},
		{"accessKey: ' test-f '\naccessKeySecret: |\n  test-g\n", "test-f", "test-g", ""},
	} {
		write(t, path, c.text)
		got, err := f.Get(t.Context())
		if err != nil || got.AccessKeyID != c.id || got.AccessKeySecret != c.secret || got.SecurityToken != c.token {
			t.Errorf("%q: %q %q %q, %v", c.text, got.AccessKeyID, got.AccessKeySecret, got.SecurityToken, err)
		}
	}
}

func TestBrokenFileIsReportedWithoutItsText(t *testing.T) {
	for _, text := range []string{"test-secret", "accessKey: test-secret\n", "accessKey: [test-secret]\naccessKeySecret: x", "accessKey: a\naccessKeySecret: b\nacessKey: test-secret", "\x00test-secret", "accessKey: a\naccessKeySecret: b\nexpiration: test-secret", strings.Repeat("x", maxFileSize+1)} {
		f, path, _ := newFile(t)
		write(t, path, text)
		_, err := f.Get(t.Context())
		if !errors.Is(err, ErrUnavailable) {
			t.Errorf("%.60q: %v", text, err)
		} else if strings.Contains(err.Error(), "test-secret") || !strings.Contains(err.Error(), path) {
			t.Errorf("the error quotes the file or hides its name: %v", err)
		}
	}
}

func TestLastGoodKeyServesAMinuteWhileTheFileIsReplaced(t *testing.T) {
	f, path, clk := newFile(t)
	write(t, path, "accessKey: test-a\naccessKeySecret: test-b\n")
	if _, err := f.Get(t.Context()); err != nil {
		t.Fatal(err)
	}
	write(t, path, "accessKey: te")
	clk.SetTime(clk.Now().Add(50 * time.Second))
	if c, err := f.Get(t.Context()); err != nil || c.AccessKeyID != "test-a" {
		t.Errorf("half written: %v", err)
	}
	clk.SetTime(clk.Now().Add(20 * time.Second))
	if _, err := f.Get(t.Context()); !errors.Is(err, ErrUnavailable) {
		t.Errorf("after more than a minute: %v", err)
	}
	write(t, path, "accessKey: test-c\naccessKeySecret: test-d\n")
	if c, err := f.Get(t.Context()); err != nil || c.AccessKeyID != "test-c" {
		t.Errorf("repaired: %v", err)
	}
}

func TestExpiredTokenInAFileIsNotUsed(t *testing.T) {
	f, path, clk := newFile(t)
	write(t, path, "accessKey: a\naccessKeySecret: b\nsecurityToken: c\nexpiration: 2026-01-01T01:00:00Z\n")
	if _, err := f.Get(t.Context()); err != nil {
		t.Fatal(err)
	}
	clk.SetTime(clk.Now().Add(time.Hour))
	if _, err := f.Get(t.Context()); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "expired") {
		t.Errorf("got %v", err)
	}
}

func TestPushedSourceFollowsWhatIsPushed(t *testing.T) {
	p := NewPushed("Secret kube-system/aliyun-creds")
	expect := func(id, reason string) {
		t.Helper()
		c, err := p.Get(t.Context())
		if c.AccessKeyID != id || (err == nil) != (reason == "") {
			t.Fatalf("got %q, %v", c.AccessKeyID, err)
		}
		if err != nil && (!errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), reason) || !strings.Contains(err.Error(), "kube-system/aliyun-creds")) {
			t.Fatalf("got %v", err)
		}
	}
	expect("", "not read yet")
	p.Update("test-a ", "test-b\n", "")
	expect("test-a", "")
	p.Absent("it does not exist; create it")
	expect("", "create it")
	p.Update("test-a", "", "")
	expect("", "both accessKey and accessKeySecret")
	p.Update("test-c", "test-d", "")
	expect("test-c", "")
}

type fakeMetadata struct {
	role string
	doc  RoleDocument
	err  error
}

func (m fakeMetadata) RAMRoleName(context.Context) (string, error) { return m.role, m.err }
func (m fakeMetadata) RoleCredentials(_ context.Context, role string) (RoleDocument, error) {
	if role != m.role {
		return RoleDocument{}, fmt.Errorf("no role %s", role)
	}
	return m.doc, m.err
}

func TestRAMRoleIsLookedUpOrTakenAsConfigured(t *testing.T) {
	m := fakeMetadata{role: "NodeRole", doc: RoleDocument{AccessKeyID: "STS.test", SecurityToken: "test-token", Expiration: time.Unix(100, 0)}}
	for _, role := range []string{"", "NodeRole"} {
		c, err := NewRAMRole(m, role).Get(t.Context())
		if err != nil || c.AccessKeyID != "STS.test" || !c.Expires.Equal(time.Unix(100, 0)) {
			t.Errorf("role %q: %v", role, err)
		}
	}
	if _, err := NewRAMRole(m, "Other").Get(t.Context()); err == nil || !strings.Contains(err.Error(), "Other") {
		t.Errorf("got %v", err)
	}
}

func newOIDC(t *testing.T, handler http.HandlerFunc) (Source, string) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	token := filepath.Join(t.TempDir(), "token")
	write(t, token, "test-oidc-token\n")
	source, err := NewOIDC(OIDCOptions{
		RoleARN: "acs:ram::1:role/r", ProviderARN: "acs:ram::1:oidc-provider/p", TokenFile: token, Endpoint: server.URL,
		RoundTripper: &http.Transport{DisableKeepAlives: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	return source, token
}

func TestOIDCTokenIsExchanged(t *testing.T) {
	var form url.Values
	source, token := newOIDC(t, func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		form = r.Form
		_, _ = w.Write([]byte(`{"RequestId":"R","Credentials":{"AccessKeyId":"STS.test","AccessKeySecret":"test-s","SecurityToken":"test-t","Expiration":"2026-01-02T03:04:05Z"}}`))
	})
	c, err := source.Get(t.Context())
	if err != nil || c.AccessKeyID != "STS.test" || c.Expires.Unix() != time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Unix() {
		t.Fatalf("%v", err)
	}
	for name, want := range map[string]string{"Action": "AssumeRoleWithOIDC", "OIDCToken": "test-oidc-token", "RoleArn": "acs:ram::1:role/r", "DurationSeconds": "3600", "RoleSessionName": "kube-aliyun"} {
		if form.Get(name) != want {
			t.Errorf("%s = %q, want %q", name, form.Get(name), want)
		}
	}
	write(t, token, "test-second-token")
	if _, err := source.Get(t.Context()); err != nil || form.Get("OIDCToken") != "test-second-token" {
		t.Errorf("the token was not read again: %v", err)
	}
}

func TestOIDCFailuresAreClassifiedAndHoldNoToken(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		want   error
	}{
		{400, `{"Code":"NoPermission","Message":"test-oidc-token is bad","RequestId":"R"}`, apierror.ErrDenied},
		{404, `{"Code":"EntityNotExist.Role","RequestId":"R"}`, apierror.ErrNotFound},
		{500, `{"Code":"InternalError"}`, apierror.ErrUnavailable},
		{200, `test-oidc-token`, apierror.ErrUnavailable},
		{302, ``, apierror.ErrUnavailable},
	} {
		source, _ := newOIDC(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "http://127.0.0.1:1/")
			w.WriteHeader(c.status)
			_, _ = w.Write([]byte(c.body))
		})
		_, err := source.Get(t.Context())
		if !errors.Is(err, c.want) || strings.Contains(err.Error(), "test-oidc-token") {
			t.Errorf("HTTP %d %s: %v", c.status, c.body, err)
		}
	}
}

func TestOIDCNamesEverythingThatIsMissing(t *testing.T) {
	_, err := NewOIDC(OIDCOptions{})
	for _, word := range []string{"role ARN", "OIDC provider ARN", "OIDC token file", "STS endpoint"} {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%q is not in: %v", word, err)
		}
	}
}
