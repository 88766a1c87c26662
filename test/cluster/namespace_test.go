package cluster

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-aliyun/kube-aliyun/test/sandbox"
)

// lonelyServer is a network namespace with an address and no links to others.
func lonelyServer(t *testing.T, address string) *sandbox.Namespace {
	t.Helper()
	s, err := sandbox.Open(t.Context())
	if errors.Is(err, sandbox.ErrUnsupported) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	n, err := s.Namespace("server")
	if err != nil {
		t.Fatal(err)
	}
	link := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "eth0"}}
	own, err := netlink.ParseAddr(address)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(n.Netlink().LinkAdd(link), n.Netlink().AddrAdd(link, own), n.Netlink().LinkSetUp(link)); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestControlPlaneOfAServerServesThereAndThroughItsRelay(t *testing.T) {
	server := lonelyServer(t, "10.99.0.10/24")
	c := StartForTest(t, Options{Namespace: server.Path(), BindAddress: "10.99.0.10", ControllerManager: true, Scheduler: true})
	if _, err := c.Client().CoreV1().Namespaces().Get(t.Context(), metav1.NamespaceDefault, metav1.GetOptions{}); err != nil {
		t.Errorf("through the relay: %v", err)
	}
	path, err := c.ServerKubeconfigFor("node", adminGroup)
	if err != nil {
		t.Fatal(err)
	}
	config, err := RESTConfigFor(path)
	if err != nil {
		t.Fatal(err)
	}
	if want := "https://10.99.0.10:6443"; config.Host != want {
		t.Errorf("servers are sent to %s, want %s", config.Host, want)
	}
	if !strings.HasPrefix(c.RESTConfig().Host, "https://127.0.0.1:") {
		t.Errorf("this machine is sent to %s", c.RESTConfig().Host)
	}
	for _, process := range c.Processes() {
		if !strings.HasPrefix(process.URL, "https://10.99.0.10:") {
			t.Errorf("%s serves at %s", process.Name, process.URL)
		}
	}
	if err := c.Restart(t.Context(), apiServerName); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Client().CoreV1().Namespaces().Get(t.Context(), metav1.NamespaceDefault, metav1.GetOptions{}); err != nil {
		t.Errorf("after a restart: %v", err)
	}
}

func TestControlPlaneOfAServerNeedsItsAddressAndItsKeeper(t *testing.T) {
	for name, o := range map[string]Options{
		"no address": {},
		"detached":   {BindAddress: "10.99.0.10", Detach: true},
	} {
		t.Run(name, func(t *testing.T) {
			o.Dir, o.Binaries, o.Namespace = "any", "any", "/run/netns/any"
			if _, err := o.withDefaults(); !errors.Is(err, errNamespace) {
				t.Errorf("got %v, want %v", err, errNamespace)
			}
		})
	}
}
