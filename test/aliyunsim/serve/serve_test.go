package serve

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/admin"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/ecs"
)

func options() Options {
	return Options{Listen: "127.0.0.1:0", Strict: true, Scale: 1, Servers: 2, Profile: "instant"}
}

// run starts the simulator and returns its URLs and what stops it.
func run(t *testing.T, o Options) (urls map[string]string, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := Run(ctx, o, in)
		done <- errors.Join(err, in.CloseWithError(io.EOF))
	}()
	urls = map[string]string{}
	lines := bufio.NewScanner(out)
	for lines.Scan() && lines.Text() != "ready" {
		name, url, _ := strings.Cut(lines.Text(), "=")
		urls[name] = url
	}
	if urls["openapi"] == "" {
		cancel()
		t.Fatalf("did not start: %v", <-done)
	}
	return urls, func() error {
		cancel()
		return <-done
	}
}

func TestStateSurvivesARestart(t *testing.T) {
	o := options()
	o.StateFile = filepath.Join(t.TempDir(), "state.json")
	urls, stop := run(t, o)
	id, err := admin.NewClient(urls["openapi"], nil).CreateServer(t.Context(), ecs.ServerSeed{VSwitch: "vsw-small-h"})
	if err := errors.Join(err, stop()); err != nil {
		t.Fatal(err)
	}
	urls, stop = run(t, o)
	c := admin.NewClient(urls["openapi"], nil)
	s, err := c.State(t.Context())
	if err != nil || !strings.Contains(string(s.Products[api.ECS]), id) {
		t.Errorf("server %s is gone: %v", id, err)
	}
	again, err := c.CreateServer(t.Context(), ecs.ServerSeed{VSwitch: "vsw-small-h"})
	if err != nil || again == id {
		t.Errorf("new server %q, %v", again, err)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
}

func TestEveryListenerServesItsPart(t *testing.T) {
	o := options()
	o.Metadata, o.TLS, o.Products = "127.0.0.1:0", "127.0.0.1:0", map[string]string{"slb": "127.0.0.1:0"}
	o.CertificateFile = filepath.Join(t.TempDir(), "cert.pem")
	o.AddressesFile = filepath.Join(t.TempDir(), "addresses.json")
	urls, stop := run(t, o)
	raw, err := os.ReadFile(o.AddressesFile)
	var written map[string]string
	if err := errors.Join(err, json.Unmarshal(raw, &written)); err != nil || written["metadata"] != urls["metadata"] {
		t.Fatalf("addresses %s, %v", raw, err)
	}
	certificate, err := os.ReadFile(o.CertificateFile)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(certificate)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 10 * time.Second}
	if body := get(t, client, urls["metadata"]+"/latest/meta-data/region-id"); body != "cn-hangzhou" {
		t.Errorf("metadata tells region %q", body)
	}
	if body := get(t, client, urls["tls"]+"/admin/healthz"); body != "ok\n" {
		t.Errorf("over TLS: %q", body)
	}
	if body := get(t, client, urls["slb"]+"/?Action=DescribeLoadBalancers&Version=2014-05-15"); !strings.Contains(body, "IncompleteSignature") {
		t.Errorf("SLB on its port: %s", body)
	}
	if body := get(t, client, urls["slb"]+"/?Action=DescribeInstances&Version=2014-05-26"); !strings.Contains(body, "InvalidVersion") {
		t.Errorf("ECS on the port of SLB: %s", body)
	}
	transport.CloseIdleConnections()
	if err := stop(); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, client *http.Client, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	err = errors.Join(err, resp.Body.Close())
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestOnlyLoopbackIsListenedOn(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", ":8080", "192.168.0.1:80", "example.com:80"} {
		o := options()
		o.Metadata = address
		if err := o.Validate(); !errors.Is(err, ErrNotLoopback) {
			t.Errorf("%s: got %v, want ErrNotLoopback", address, err)
		}
		o.InsecureListen = true
		if err := o.Validate(); err != nil {
			t.Errorf("%s with --insecure-listen: %v", address, err)
		}
	}
}

func TestEveryBadOptionIsTold(t *testing.T) {
	o := Options{Listen: "0.0.0.0:1", Products: map[string]string{"oss": "127.0.0.1:0"}}
	err := o.Validate()
	for _, part := range []string{"--scale", "0.0.0.0:1", `"oss"`} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v lacks %s", err, part)
		}
	}
}

func TestBadSeedEndsTheStart(t *testing.T) {
	o := options()
	o.SeedFile = filepath.Join(t.TempDir(), "seed.yaml")
	if err := os.WriteFile(o.SeedFile, []byte("vpcz: []\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Run(t.Context(), o, io.Discard); err == nil || !strings.Contains(err.Error(), "vpcz") {
		t.Fatalf("got %v", err)
	}
}
