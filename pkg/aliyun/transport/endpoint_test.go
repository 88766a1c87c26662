package transport

import (
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/credentials"
)

func TestDefaultEndpointsFollowRegionAndNetwork(t *testing.T) {
	for _, c := range []struct {
		network string
		product Product
		want    string
	}{
		{"", Ecs, "https://ecs-vpc.cn-hangzhou.aliyuncs.com"},
		{"vpc", Vpc, "https://vpc-vpc.cn-hangzhou.aliyuncs.com"},
		{"vpc", Sts, "https://sts-vpc.cn-hangzhou.aliyuncs.com"},
		{"public", Slb, "https://slb.cn-hangzhou.aliyuncs.com"},
		{"public", Sts, "https://sts.cn-hangzhou.aliyuncs.com"},
	} {
		got, err := EndpointURL(Options{Region: "cn-hangzhou", Network: c.network}, c.product)
		if got != c.want || err != nil {
			t.Errorf("%s %s: %s, %v", c.network, c.product, got, err)
		}
	}
}

func TestEndpointsMayBeHostsOrURLs(t *testing.T) {
	for _, c := range []struct {
		value    string
		insecure bool
		want     string // empty: refused
	}{
		{"slb.example.com", false, "https://slb.example.com"},
		{"slb.example.com:8443", false, "https://slb.example.com:8443"},
		{"https://slb.example.com/", false, "https://slb.example.com"},
		{"http://127.0.0.1:8080", false, "http://127.0.0.1:8080"},
		{"http://[::1]:8080", false, "http://[::1]:8080"},
		{"http://localhost:1", false, "http://localhost:1"},
		{"http://10.0.0.1", false, ""},
		{"http://127.0.0.1.example.com", false, ""},
		{"http://10.0.0.1", true, "http://10.0.0.1"},
		{"ftp://127.0.0.1", true, ""},
		{"https://slb.example.com/path", false, ""},
		{"https://user:password@slb.example.com", false, ""},
		{"https://", false, ""},
		{"a b", false, ""},
	} {
		opts := Options{Region: "cn-hangzhou", InsecureEndpoints: c.insecure, Endpoints: map[Product]string{Slb: c.value}}
		got, err := EndpointURL(opts, Slb)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%q: %q, %v", c.value, got, err)
		}
	}
}

func TestEveryMistakeInTheOptionsIsToldAtOnce(t *testing.T) {
	t.Setenv("DEBUG", "sdk")
	_, err := New(Options{Region: "Hang Zhou", Network: "internet", CABundle: []byte("x")})
	for _, word := range []string{"region", "credentials", "network", "CA bundle", "DEBUG"} {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%q is not in: %v", word, err)
		}
	}
	opts := Options{Region: "cn-hangzhou", Credentials: credentials.Static("test-id", "test-secret", ""), Endpoints: map[Product]string{"Oss": "x"}}
	t.Setenv("DEBUG", "")
	if _, err := New(opts); err == nil || !strings.Contains(err.Error(), "Oss") {
		t.Errorf("unknown product: %v", err)
	}
}

func TestLimitOfTheMostSpecificKeyIsUsed(t *testing.T) {
	opts := Options{Limits: map[string]Limit{"Slb.DeleteLoadBalancer": {Max: 1}, "Slb": {Max: 2}, "": {Max: 3}}}
	for action, want := range map[string]float64{"Slb.DeleteLoadBalancer": 1, "Slb.Other": 2, "Ecs.Other": 3} {
		product, name, _ := strings.Cut(action, ".")
		if got := opts.limit(Product(product), name); got.Max != want || got.Min == 0 || got.InFlight == 0 {
			t.Errorf("%s: %+v", action, got)
		}
	}
}

func TestCABundleIsTrustedAndNothingElse(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(okBody)) }))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	t.Cleanup(s.Close)
	bundle := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	trusting := newTransport(t, s.URL, func(o *Options) { o.CABundle = bundle })
	if err := trusting.Do(t.Context(), read()); err != nil {
		t.Error(err)
	}
	doubting := newTransport(t, s.URL, func(o *Options) { o.MaxAttempts = 1 })
	if err := doubting.Do(t.Context(), read()); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("got %v", err)
	}
}
