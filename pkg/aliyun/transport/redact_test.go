package transport

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/klog/v2"
	"k8s.io/klog/v2/textlogger"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/credentials"
)

var secretKey = credentials.Credentials{
	AccessKeyID: "LTAItestKeyID", AccessKeySecret: "test/secret+with&signs=", SecurityToken: "CAIS/test+token==",
}

// forms are the spellings in which a secret may turn up.
func forms(secret string) []string {
	once := url.QueryEscape(secret)
	return []string{secret, once, url.QueryEscape(once)}
}

func leaked(text string) string {
	for _, secret := range []string{secretKey.AccessKeyID, secretKey.AccessKeySecret, secretKey.SecurityToken, "Signature=", "SignatureNonce="} {
		for _, form := range forms(secret) {
			if i := strings.Index(text, form); i >= 0 && !strings.HasPrefix(text[i+len(form):], redacted) {
				return form
			}
		}
	}
	return ""
}

func TestSecretsAreRemovedInEverySpelling(t *testing.T) {
	for _, secret := range []string{secretKey.AccessKeyID, secretKey.AccessKeySecret, secretKey.SecurityToken} {
		for _, form := range forms(secret) {
			for _, text := range []string{"x " + form + " y", "a=" + form + "&b=1", "a%3D" + form + "%26b"} {
				if got := redact(text, secretKey); strings.Contains(got, form) {
					t.Errorf("%q became %q", text, got)
				}
			}
		}
	}
}

func TestSignedTextsOfOtherKeysAreRemovedToo(t *testing.T) {
	for _, text := range []string{
		"Post https://x/?AccessKeyId=other&Signature=abc%3D&SecurityToken=tok: EOF",
		"AccessKeyId%3Dother%26Signature%3Dabc",
		"Specified signature is not matched with our calculation. server string to sign is:POST&%2F&AccessKeyId%3Dother",
	} {
		got := redact(text, credentials.Credentials{})
		for _, secret := range []string{"other", "abc", "tok:"} {
			if strings.Contains(got, secret) {
				t.Errorf("%q became %q", text, got)
			}
		}
	}
}

func TestOrdinaryTextIsKept(t *testing.T) {
	for _, text := range []string{"The specified LoadBalancerId does not exist.", "dial tcp 127.0.0.1:1: connect: connection refused"} {
		if got := redact(text, secretKey); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
	if got := redact(strings.Repeat("长", 5000), secretKey); len(got) > maxTextLength+10 {
		t.Errorf("%d bytes remain", len(got))
	}
}

func FuzzRedactedTextHoldsNoSecret(f *testing.F) {
	f.Add("AccessKeyId=", "&x")
	f.Add("string to sign is", "%26")
	f.Fuzz(func(t *testing.T, before, after string) {
		for _, secret := range []string{secretKey.AccessKeyID, secretKey.AccessKeySecret, secretKey.SecurityToken} {
			for _, form := range forms(secret) {
				if got := redact(before+form+after, secretKey); strings.Contains(got, form) {
					t.Fatalf("%q remains in %q", form, got)
				}
			}
		}
	})
}

// Every way a call can fail, with the log at its most talkative.
func TestNoErrorAndNoLogHoldsASecret(t *testing.T) {
	signature := `{"Code":"SignatureDoesNotMatch","RequestId":"R","Message":"Specified signature is not matched with our calculation. server string to sign is:POST&%2F&AccessKeyId%3D` + url.QueryEscape(url.QueryEscape(secretKey.AccessKeyID)) + `%26SecurityToken%3D` + url.QueryEscape(url.QueryEscape(secretKey.SecurityToken)) + `"}`
	log := captureLog(t)
	ctx := klog.NewContext(t.Context(), log.logger)
	for name, r := range map[string]reply{
		"signature": {status: 400, body: signature}, "lost": {drop: true}, "slow": {delay: time.Minute},
		"html": {status: 502, body: "<html>" + secretKey.SecurityToken}, "empty": {status: 200},
		"echo":    {status: 400, body: `{"Code":"InvalidParameter","Message":"` + secretKey.AccessKeySecret + `"}`},
		"numeric": {status: 400, body: `{"Code":1}`}, "garbage": {status: 200, body: secretKey.AccessKeyID},
		"redirect": {status: 302, header: map[string]string{"Location": "/?AccessKeyId=x"}},
		"success":  {status: 200, body: okBody},
	} {
		s := newServer(t, r)
		tr := newTransport(t, s.URL, func(o *Options) {
			o.Credentials = credentials.Static(secretKey.AccessKeyID, secretKey.AccessKeySecret, secretKey.SecurityToken)
			o.Timeout = 200 * time.Millisecond
		})
		err := tr.Do(ctx, write())
		for ; err != nil; err = errors.Unwrap(err) {
			if what := leaked(err.Error()); what != "" {
				t.Errorf("%s: %q is in: %v", name, what, err)
			}
		}
	}
	s := newServer(t)
	s.Close()
	for _, address := range []string{s.URL, "http://localhost:0"} {
		tr := newTransport(t, address, func(o *Options) {
			o.Credentials = credentials.Static(secretKey.AccessKeyID, secretKey.AccessKeySecret, secretKey.SecurityToken)
			o.MaxAttempts = 1
		})
		err := tr.Do(ctx, write())
		if err == nil {
			t.Fatal("reached nobody")
		}
		for ; err != nil; err = errors.Unwrap(err) {
			if what := leaked(err.Error()); what != "" {
				t.Errorf("%q is in: %v", what, err)
			}
		}
	}
	text := log.String()
	if what := leaked(text); what != "" {
		t.Errorf("%q is in the log:\n%s", what, text)
	}
	for _, word := range []string{"API call", "API request", "REQ-OK", "AssumeRole"} {
		if !strings.Contains(text, word) {
			t.Errorf("%q is not in the log:\n%s", word, text)
		}
	}
}

type logCapture struct {
	mu     sync.Mutex
	text   bytes.Buffer
	logger klog.Logger
}

func (l *logCapture) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logCapture) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func captureLog(t *testing.T) *logCapture {
	t.Helper()
	l := &logCapture{}
	config := textlogger.NewConfig(textlogger.Verbosity(10), textlogger.Output(l))
	config.AddFlags(flag.NewFlagSet("", flag.ContinueOnError))
	l.logger = textlogger.NewLogger(config)
	return l
}

func TestCauseKeepsItsMeaningWithoutTheURL(t *testing.T) {
	err := cleanCause(&url.Error{Op: "Post", URL: "https://x/?Signature=abc", Err: context.DeadlineExceeded}, secretKey)
	if !errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), "abc") {
		t.Errorf("got %v", err)
	}
	if _, ok := errors.AsType[*url.Error](err); ok {
		t.Error("the URL is still in the chain")
	}
}
