package hostroutes

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestR40ProgramWorksWithOneCapabilityAndTheRightsOfItsManifest(t *testing.T) {
	w := newWorld(t)
	w.addNodes(1, 5)
	if err := w.addNode(6, "10.96.0.0/20"); err != nil {
		t.Fatal(err)
	}
	foreign := &netlink.Route{Dst: ipNet("10.77.0.0/16"), Gw: net.ParseIP("10.99.0.9"), LinkIndex: w.uplink.Attrs().Index, Protocol: 4}
	w.ok(w.ns.Netlink().RouteAdd(foreign))

	// A dry run tells, and changes nothing.
	out, code := w.once("--dry-run")
	if code != 3 || strings.Count(out, "would add ") != 5 || w.routes(107) != 0 {
		t.Errorf("dry run: exit code %d, %d routes\n%s", code, w.routes(107), out)
	}
	out, code = w.once("--once", "--service-cluster-ip-range=10.96.0.0/16")
	if code != 0 || !strings.Contains(out, "4 routes wanted, 4 added, 0 removed") || w.routes(107) != 4 {
		t.Errorf("once: exit code %d, %d routes\n%s", code, w.routes(107), out)
	}
	if out, code = w.once("--dry-run", "--service-cluster-ip-range=10.96.0.0/16"); code != 0 || !strings.Contains(out, "no route to 10.96.0.0/20 of Node node-6 (service_range)") {
		t.Errorf("a dry run with nothing to do: exit code %d\n%s", code, out)
	}

	p := w.start("--service-cluster-ip-range=10.96.0.0/16")
	w.within(20*time.Second, "ready", func() bool { code, _ := w.get("/readyz"); return code == 200 })
	if code, body := w.get("/healthz"); code != 200 {
		t.Errorf("/healthz: %d %s", code, body)
	}
	for line, want := range map[string]string{
		`hostroutes_routes{state="desired"}`: "4", `hostroutes_routes{state="installed"}`: "4", `hostroutes_routes{state="held"}`: "0",
		`hostroutes_skipped_ranges{reason="service_range"}`: "1", `hostroutes_skipped_ranges{reason="other_subnet"}`: "0",
	} {
		if got := w.metric(line); got != want {
			t.Errorf("%s is %q, want %s", line, got, want)
		}
	}
	w.within(10*time.Second, "an event on the Node with the bad range", func() bool {
		list, err := w.cluster.Client().CoreV1().Events(metav1.NamespaceDefault).List(t.Context(), metav1.ListOptions{FieldSelector: "involvedObject.name=node-6"})
		return err == nil && len(list.Items) == 1 && list.Items[0].Reason == "PodRangeRefused"
	})
	w.addNodes(7, 8)
	w.within(5*time.Second, "the new Nodes are routed", func() bool { return w.routes(107) == 6 })
	w.ok(w.cluster.Client().CoreV1().Nodes().Delete(t.Context(), "node-8", metav1.DeleteOptions{}))
	w.within(5*time.Second, "the Node that left is not", func() bool { return w.routes(107) == 5 })

	w.stop(p)
	if w.routes(107) != 5 {
		t.Error("the end took routes away")
	}
	if out, code = w.once("--cleanup", "--dry-run"); code != 3 || w.routes(107) != 5 {
		t.Errorf("dry cleanup: exit code %d\n%s", code, out)
	}
	if out, code = w.once("--cleanup"); code != 0 || w.routes(107) != 0 || w.routes(4) != 1 {
		t.Errorf("cleanup: exit code %d, %d own routes, %d of others\n%s", code, w.routes(107), w.routes(4), out)
	}
}

func TestR38RoutesAreKeptWhileTheAPIServerIsAway(t *testing.T) {
	w := newWorld(t)
	w.addNodes(1, 10)
	w.start()
	w.within(20*time.Second, "the routes", func() bool { return w.routes(107) == 9 })
	w.ok(w.cluster.Kill("kube-apiserver"))
	gone := &netlink.Route{Dst: ipNet("10.110.3.0/24"), Gw: net.ParseIP("10.99.0.3"), LinkIndex: w.uplink.Attrs().Index, Priority: 512, Protocol: 107}
	began := time.Now()
	for time.Since(began) < away {
		w.ok(w.ns.Netlink().RouteDel(gone))
		w.within(2*time.Second, "a lost route is back without the API server", func() bool { return w.routes(107) == 9 })
		<-time.After(time.Second)
	}
	if code, body := w.get("/healthz"); code != 200 {
		t.Errorf("/healthz: %d %s", code, body)
	}
	w.ok(w.cluster.Restart(t.Context(), "kube-apiserver"))
	w.addNodes(11, 11)
	w.within(time.Minute, "what is new is routed", func() bool { return w.routes(107) == 10 })
}

func TestR39ManyNodesOfAnAPIServer(t *testing.T) {
	w := newWorld(t)
	w.addNodes(1, many)
	began := time.Now()
	p := w.start()
	took := w.within(30*time.Second, "all routes", func() bool { return w.routes(107) == many-1 })
	total := time.Since(began)
	w.within(10*time.Second, "ready", func() bool { code, _ := w.get("/readyz"); return code == 200 })
	writes := w.metric(`hostroutes_changes_total{operation="add",result="success"}`)
	if writes != strconv.Itoa(many-1) {
		t.Errorf("%s writes", writes)
	}
	// The list of the Nodes is garbage by now; the collector gives it back.
	memory := w.resident(p)
	if memory >= 64 {
		w.within(2*time.Minute, "below 64 MiB", func() bool { memory = w.resident(p); return memory < 64 })
	}
	w.stop(p)
	again := w.start()
	w.within(30*time.Second, "ready again", func() bool { code, _ := w.get("/readyz"); return code == 200 })
	if got := w.metric(`hostroutes_changes_total{operation="add",result="success"}`); got != "" {
		t.Errorf("a restart made %s writes", got)
	}
	programming := w.metric(`hostroutes_pass_duration_seconds_sum{outcome="noop"}`)
	fmt.Printf("%d Node objects against one program: start to all routes %s (%s), %s netlink writes; restart 0 writes, its pass %s s; %d MiB resident, %d after the restart\n",
		many, took.Round(time.Millisecond), total.Round(time.Millisecond), writes, programming, memory, w.resident(again))
}
