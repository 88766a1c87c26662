package diskrules

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
	"github.com/kube-aliyun/kube-aliyun/pkg/providerid"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
	simecs "github.com/kube-aliyun/kube-aliyun/test/aliyunsim/ecs"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/journal"
)

type disk = simecs.DiskView

const (
	// TestHandKey is the access key of a test that changes disks itself, in the place
	// of people: what it asks for is not judged.
	TestHandKey = "test-hand"
	// TestHandSecret is the key's secret.
	TestHandSecret = "test-hand-secret"
)

// WithHand adds that key to a region's seed.
func WithHand(seed string) string {
	return strings.Replace(seed, "keys:\n", fmt.Sprintf("keys:\n- {id: %s, secret: %s}\n", TestHandKey, TestHandSecret), 1)
}

// readLimit bounds what is read for one call.
const readLimit = 10 * time.Second

// Witness watches until its test ends.
type Witness struct {
	t       testing.TB
	sim     *aliyunsim.Sim
	client  kubernetes.Interface
	cluster string

	mu sync.Mutex
	// members are the Nodes that were seen, with their servers.
	members map[string]string
	judged  int
	over    bool
}

// Watch has all changes of disks judged that a region is asked for until the test
// ends. client reads the cluster whose cluster ID is given.
func Watch(t testing.TB, sim *aliyunsim.Sim, client kubernetes.Interface, clusterID string) *Witness {
	t.Helper()
	w := &Witness{t: t, sim: sim, client: client, cluster: clusterID, members: map[string]string{}}
	sim.Region.Journal.Watch(w.arrived)
	t.Cleanup(w.end)
	return w
}

// Judged is how many calls were looked at.
func (w *Witness) Judged() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.judged
}

// Leaks names the disks that were made for claims of the cluster and that no
// PersistentVolume has.
func (w *Witness) Leaks() []string {
	w.t.Helper()
	list, err := w.client.CoreV1().PersistentVolumes().List(w.t.Context(), metav1.ListOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	var leaked []string
	for _, d := range w.disks() {
		if d.Tags[ownership.TagClusterID] == w.cluster && d.Tags[ownership.TagClaimUID] != "" && len(naming(list.Items, d.ID)) == 0 {
			leaked = append(leaked, d.ID+" of claim "+d.Tags[ownership.TagClaim])
		}
	}
	return leaked
}

func (w *Witness) disks() []disk {
	var all []disk
	w.sim.Do(func(r *aliyunsim.Region) { all = r.ECS.Views() })
	return slices.DeleteFunc(all, func(d disk) bool { return d.System })
}

func (w *Witness) end() {
	if problem := twice(w.disks()); problem != "" {
		w.t.Errorf("in the end %s", problem)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
}

// calls are the changes of disks that a request asks for.
func calls(e journal.Entry) []call {
	switch e.Action {
	case "AttachDisk", "DetachDisk", "DeleteDisk", "ResizeDisk":
		return []call{{action: e.Action, disk: e.Params["DiskId"], server: e.Params["InstanceId"]}}
	case "TagResources", "UntagResources":
		if e.Params["ResourceType"] != "disk" {
			return nil
		}
		var all []call
		for name, value := range e.Params {
			if strings.HasPrefix(name, "ResourceId.") {
				all = append(all, call{action: e.Action, disk: value})
			}
		}
		return all
	}
	return nil
}

// arrived judges a request.
func (w *Witness) arrived(e journal.Entry) {
	if e.Product != api.ECS || e.Key == TestHandKey {
		return
	}
	for _, c := range calls(e) {
		problem := ""
		f, err := w.facts(c)
		if err == nil {
			problem = judge(c, f)
		}
		w.mu.Lock()
		switch {
		case w.over:
		case err != nil:
			w.t.Errorf("call %d, %s of %s, was not judged: %v", e.Seq, c.action, c.disk, err)
		case problem != "":
			w.t.Errorf("call %d, %s of disk %s, server %q: %s", e.Seq, c.action, c.disk, c.server, problem)
		}
		w.judged++
		w.mu.Unlock()
	}
}

// facts reads the region and the cluster.
func (w *Witness) facts(c call) (facts, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(w.t.Context()), readLimit)
	defer cancel()
	f := facts{cluster: w.cluster}
	var server api.Server
	var running bool
	w.sim.Do(func(r *aliyunsim.Region) {
		var d disk
		d, f.exists = r.ECS.View(c.disk)
		f.servers, f.tags, f.multiAttach = d.Servers, d.Tags, d.MultiAttach
		server, running = r.ECS.Server(c.server)
	})
	f.down = !running || server.Status == "Stopped"
	core := w.client.CoreV1()
	list, err := core.Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return f, fmt.Errorf("list Nodes: %w", err)
	}
	pvs, err := core.PersistentVolumes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return f, fmt.Errorf("list PersistentVolumes: %w", err)
	}
	named := naming(pvs.Items, c.disk)
	for _, pv := range named {
		f.volumes = append(f.volumes, volume{name: pv.Name, doomed: doomed(pv)})
	}
	if c.server == "" {
		return f, nil
	}
	pods, err := core.Pods(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
	if err != nil {
		return f, fmt.Errorf("list Pods: %w", err)
	}
	for _, name := range w.nodesOf(c.server, list.Items) {
		f.member = true
		if at := slices.IndexFunc(list.Items, func(n corev1.Node) bool { return n.Name == name }); at >= 0 {
			f.down = f.down || outOfService(&list.Items[at])
			f.uses = append(f.uses, mounted(&list.Items[at], c.disk, named, pods.Items)...)
		}
		f.uses = append(f.uses, users(name, c.disk, named, pods.Items)...)
	}
	return f, nil
}

// nodesOf are the names of the Nodes that a server has or had.
func (w *Witness) nodesOf(server string, now []corev1.Node) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range now {
		if _, id, err := providerid.Parse(now[i].Spec.ProviderID); err == nil {
			w.members[now[i].Name] = id
		}
	}
	var names []string
	for name, id := range w.members {
		if id == server {
			names = append(names, name)
		}
	}
	return names
}
