package integration

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
	"github.com/kube-aliyun/kube-aliyun/test/process"
	"github.com/kube-aliyun/kube-aliyun/test/rig"
)

// plainPort serves the Kubernetes API over http without asking who calls, as API
// servers of 2017 did on 127.0.0.1:8080, and returns its URL.
func plainPort(r *rig.Rig) string {
	r.T.Helper()
	kubeconfig, err := r.Cluster.KubeconfigFor(rig.User)
	if err != nil {
		r.T.Fatal(err)
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		r.T.Fatal(err)
	}
	transport, err := rest.TransportFor(config)
	if err != nil {
		r.T.Fatal(err)
	}
	target, err := url.Parse(config.Host)
	if err != nil {
		r.T.Fatal(err)
	}
	server := httptest.NewServer(&httputil.ReverseProxy{
		Transport: transport, FlushInterval: -1,
		Rewrite:      func(p *httputil.ProxyRequest) { p.SetURL(target) },
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	})
	r.T.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	return server.URL
}

// buildController compiles the program: the rig's replicas have arguments that a
// command line of 2017 does not.
func buildController(t *testing.T) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "aliyun-controller")
	command := exec.CommandContext(t.Context(), "go", "build", "-o", out, "./cmd/aliyun-controller")
	command.Dir = filepath.Join("..", "..")
	if text, err := command.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, text)
	}
	return out
}

// TestCommandLineAndEnvironmentOf2017AreTakenUnchanged runs the container of the
// article's manifest: the three arguments and the seven variables, each as it was
// written then. What is added says where this test serves and where its cloud is.
func TestCommandLineAndEnvironmentOf2017AreTakenUnchanged(t *testing.T) {
	r := rig.New(t, rig.Options{Servers: 2, Region: func(o *aliyunsim.Options) {
		o.Seed = strings.ReplaceAll(o.Seed, aliyunsim.SmallVSwitchH, "vsw-article")
		o.Seed = strings.Replace(o.Seed, "  name: small\n", "  name: small\n  routerID: vrt-article\n", 1)
	}})
	log := filepath.Join(t.TempDir(), "controller.log")
	cloud := "http://" + r.Sim.Endpoint()
	p, err := process.Start(t.Context(), process.Program{
		Name: "aliyun-controller", Binary: buildController(t), Log: log,
		Args: []string{
			"--server=" + plainPort(r), "--leader-elect=true", "--cluster-cidr=10.244.0.0/16",
			"--secure-port=" + freePort(t), "--bind-address=127.0.0.1",
		},
		Env: []string{
			"ALIYUN_ACCESS_KEY=" + r.Sim.AccessKeyID, "ALIYUN_ACCESS_KEY_SECRET=" + r.Sim.AccessKeySecret,
			"ALIYUN_REGION=cn-hangzhou", "ALIYUN_VPC=" + r.VPC(), "ALIYUN_ROUTER=vrt-article",
			"ALIYUN_ROUTE_TABLE=" + r.RouteTable(), "ALIYUN_VSWITCH=vsw-article",
			"ECS_ENDPOINT=" + cloud, "VPC_ENDPOINT=" + cloud, "SLB_ENDPOINT=" + cloud, "METADATA_ENDPOINT=none",
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 20*time.Second)
		defer cancel()
		if err := errors.Join(p.Signal(syscall.SIGTERM), p.Wait(ctx)); err != nil {
			t.Errorf("%v (%s)", err, p.Ended())
		}
		if content, err := os.ReadFile(log); t.Failed() && err == nil {
			t.Logf("%s", content)
		}
	})

	awaitInitialised(r)
	awaitRouted(r)
	service := r.CreateService("web", nil, rig.Port(80))
	r.AwaitAddress(service.Name, 20*time.Second)
	if got, want := r.LoadBalancer().Name, "a"+strings.ReplaceAll(string(service.UID), "-", "")[:31]; got != want {
		t.Errorf("the load balancer is called %s, in 2017 it was %s", got, want)
	}
}

// freePort is a port that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}
