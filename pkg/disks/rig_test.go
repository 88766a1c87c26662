package disks

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/credentials"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/transport"
	"github.com/kube-aliyun/kube-aliyun/pkg/event"
	"github.com/kube-aliyun/kube-aliyun/pkg/servers"
	"github.com/kube-aliyun/kube-aliyun/pkg/volumesocket/server"
	"github.com/kube-aliyun/kube-aliyun/pkg/volumesocket/wire"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
	simecs "github.com/kube-aliyun/kube-aliyun/test/aliyunsim/ecs"
	"github.com/kube-aliyun/kube-aliyun/test/diskrules"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("k8s.io/klog/v2.(*flushDaemon).run.func1"))
}

const (
	zoneH      = "cn-hangzhou-h"
	zoneI      = "cn-hangzhou-i"
	longEnough = 20 * time.Second
	cluster    = "c1"
)

// rig is a simulated region of servers i-1..i-n, Nodes node-1..node-n for them
// (odd ones in zone h, even ones in zone i), and, once started, the daemon behind
// its socket.
type rig struct {
	t      *testing.T
	sim    *aliyunsim.Sim
	client *fake.Clientset
	events *recorder
	// ecs is the test's own hand, cloud the daemon's client.
	ecs, cloud *ecs.Client
	opts       Options
	server     server.Options
	stop       func()
}

// newRig starts the region; disks attach and detach in 20 ms and are read every 20 ms.
func newRig(t *testing.T, n int) *rig {
	t.Helper()
	t.Parallel()
	sim := aliyunsim.Start(t, aliyunsim.Options{Seed: diskrules.WithHand(aliyunsim.SmallRegion(n))})
	sim.Knobs(func(k *api.Knobs) { k.DiskAttach, k.DiskDetach = 20*time.Millisecond, 20*time.Millisecond })
	r := &rig{t: t, sim: sim, client: fake.NewSimpleClientset(), events: &recorder{}, stop: func() {}}
	r.ecs, r.cloud = r.as(diskrules.TestHandKey, diskrules.TestHandSecret), r.as(aliyunsim.TestKey, aliyunsim.TestSecret)
	r.opts = Options{
		ClusterID: cluster, Region: "cn-hangzhou", Cloud: r.cloud, Kubernetes: r.client, Events: r.events,
		Inline: InlineTagged, Pace: 20 * time.Millisecond,
	}
	diskrules.Watch(t, sim, r.client, cluster)
	r.server = server.Options{Path: filepath.Join(t.TempDir(), "s"), Group: -1}
	for i := 1; i <= n; i++ {
		r.node(fmt.Sprintf("node-%d", i), fmt.Sprintf("i-%d", i))
	}
	return r
}

// as is a client of the region with an access key.
func (r *rig) as(key, secret string) *ecs.Client {
	r.t.Helper()
	doer, err := transport.New(transport.Options{
		Region: "cn-hangzhou", Credentials: credentials.Static(key, secret, ""),
		Endpoints: map[transport.Product]string{transport.Ecs: r.sim.URL()}, Timeout: time.Second,
	})
	r.must(err)
	r.t.Cleanup(doer.Close)
	return ecs.New(doer)
}

// start runs a daemon; change may alter its options.
func (r *rig) start(change ...func(*rig)) *rig {
	r.t.Helper()
	for _, f := range change {
		f(r)
	}
	ctx, cancel := context.WithCancel(r.t.Context())
	factory := informers.NewSharedInformerFactory(r.client, 0)
	opts := r.opts
	opts.Nodes, opts.Volumes = factory.Core().V1().Nodes().Lister(), factory.Core().V1().PersistentVolumes().Lister()
	opts.Servers = servers.New(servers.Options{
		Region: "cn-hangzhou", VPCID: aliyunsim.SmallVPC, Nodes: opts.Nodes, Cloud: r.cloud, Events: r.events,
	})
	factory.Core().V1().Nodes().Informer()
	factory.Core().V1().PersistentVolumes().Informer()
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	volumes := New(opts)
	r.server.Volumes = volumes
	socket, err := server.Listen(ctx, r.server)
	if err != nil {
		r.t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() { volumes.Run(ctx) })
	wg.Go(func() {
		if err := socket.Serve(ctx); err != nil {
			r.t.Error(err)
		}
	})
	r.stop = sync.OnceFunc(func() { cancel(); wg.Wait(); factory.Shutdown() })
	r.t.Cleanup(r.stop)
	return r
}

func (r *rig) node(name, server string) {
	r.t.Helper()
	r.must(r.client.Tracker().Add(&corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID(name)},
		Spec:       corev1.NodeSpec{ProviderID: "cn-hangzhou." + server},
		Status:     corev1.NodeStatus{Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}},
	}))
}

// change changes a Node.
func (r *rig) change(name string, f func(*corev1.Node)) {
	r.t.Helper()
	node, err := r.client.CoreV1().Nodes().Get(r.t.Context(), name, metav1.GetOptions{})
	r.must(err)
	f(node)
	_, err = r.client.CoreV1().Nodes().Update(r.t.Context(), node, metav1.UpdateOptions{})
	r.must(err)
}

// disk adds a disk of zone h to the region.
func (r *rig) disk(id string, change ...func(*simecs.DiskSeed)) {
	r.t.Helper()
	seed := simecs.DiskSeed{ID: id}
	for _, f := range change {
		f(&seed)
	}
	if seed.Zone == "" && seed.Server == "" {
		seed.Zone = zoneH
	}
	now := r.sim.Now()
	r.sim.Do(func(region *aliyunsim.Region) {
		if _, err := region.ECS.AddDisk(now, seed); err != nil {
			r.t.Fatal(err)
		}
	})
}

// volume makes a PersistentVolume of the disk, bound to a claim of the same name
// in namespace default.
func (r *rig) volume(name, disk string) {
	r.t.Helper()
	r.must(r.client.Tracker().Add(&corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID(name)},
		Spec: corev1.PersistentVolumeSpec{
			ClaimRef: &corev1.ObjectReference{Namespace: "default", Name: name, UID: types.UID("claim-" + name)},
			PersistentVolumeSource: corev1.PersistentVolumeSource{FlexVolume: &corev1.FlexPersistentVolumeSource{
				Driver: Driver, Options: map[string]string{"diskId": disk},
			}},
		},
		Status: corev1.PersistentVolumeStatus{Phase: corev1.VolumeBound},
	}))
	r.must(r.client.Tracker().Add(&corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, UID: types.UID("claim-" + name)},
		Spec:       corev1.PersistentVolumeClaimSpec{VolumeName: name},
	}))
}

// pod runs a Pod of a Node with volumes.
func (r *rig) pod(namespace, name, node string, volumes ...corev1.Volume) {
	r.t.Helper()
	r.must(r.client.Tracker().Add(&corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec:       corev1.PodSpec{NodeName: node, Volumes: volumes},
		Status:     corev1.PodStatus{Phase: corev1.PodRunning},
	}))
}

func (r *rig) deletePod(namespace, name string) {
	r.t.Helper()
	r.must(r.client.CoreV1().Pods(namespace).Delete(r.t.Context(), name, metav1.DeleteOptions{}))
}

func byClaim(claim string) corev1.Volume {
	return corev1.Volume{Name: "data", VolumeSource: corev1.VolumeSource{
		PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim},
	}}
}

func byItself(name, disk string) corev1.Volume {
	return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{
		FlexVolume: &corev1.FlexVolumeSource{Driver: Driver, Options: map[string]string{"diskId": disk}},
	}}
}

// claimed is a disk d-1 with PersistentVolume pv-1 and a Pod that uses it on a Node.
func (r *rig) claimed(node string, change ...func(*simecs.DiskSeed)) *rig {
	r.t.Helper()
	r.disk("d-1", change...)
	r.volume("pv-1", "d-1")
	r.pod("default", "db", node, byClaim("pv-1"))
	return r
}

func (r *rig) ask(verb wire.Verb, volume, node string, options map[string]string) wire.Reply {
	r.t.Helper()
	reply, err := wire.Call(r.t.Context(), r.server.Path, wire.Request{Verb: verb, Volume: volume, Node: node, Options: options})
	r.must(err)
	return reply
}

// attach attaches a PersistentVolume's disk and returns what went wrong.
func (r *rig) attach(volume, node string) string {
	r.t.Helper()
	return r.ask(wire.Attach, volume, node, map[string]string{"diskId": "d-of-the-driver"}).Error
}

// inline attaches a disk that a Pod names.
func (r *rig) inline(volume, disk, node string) string {
	r.t.Helper()
	return r.ask(wire.Attach, volume, node, map[string]string{"diskId": disk}).Error
}

func (r *rig) detach(volume, node string) string {
	r.t.Helper()
	return r.ask(wire.Detach, volume, node, nil).Error
}

// succeeds fails the test for a message.
func (r *rig) succeeds(message string) {
	r.t.Helper()
	if message != "" {
		r.t.Fatalf("%s; calls %v", message, r.sim.CountsByCode())
	}
}

// fails fails the test unless the message is there and says all this.
func (r *rig) fails(message string, says ...string) {
	r.t.Helper()
	if message == "" {
		r.t.Fatal("it succeeded")
	}
	for _, words := range says {
		if !strings.Contains(message, words) {
			r.t.Errorf("%q does not say %q", message, words)
		}
	}
}

// on returns the servers that have a disk, with its state.
func (r *rig) on(disk string) string {
	r.t.Helper()
	found, err := r.ecs.Disks(r.t.Context(), ecs.DiskFilter{IDs: []string{disk}})
	r.must(err)
	if len(found) == 0 {
		return "gone"
	}
	slices.Sort(found[0].Attachments)
	return strings.TrimSpace(string(found[0].Status) + " " + strings.Join(found[0].Attachments, ","))
}

func (r *rig) expectOn(disk, want string) {
	r.t.Helper()
	if got := r.on(disk); got != want {
		r.t.Errorf("disk %s is %q, want %q", disk, got, want)
	}
}

// expectCalls compares how often actions were called.
func (r *rig) expectCalls(want map[string]int) {
	r.t.Helper()
	for action, n := range want {
		if got := r.sim.Counts()[action]; got != n {
			r.t.Errorf("%d calls of %s, want %d; all: %v", got, action, n, r.sim.CountsByCode())
		}
	}
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// eventually waits until done, a condition that is asked often, holds.
func (r *rig) eventually(what string, done func() bool) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), longEnough)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			r.t.Fatalf("not in time: %s; calls %v", what, r.sim.CountsByCode())
		}
	}
}

// recorder remembers events.
type recorder struct {
	mu     sync.Mutex
	events []string
}

func (r *recorder) Event(object runtime.Object, reason *event.Reason, format string, args ...any) {
	name := "?"
	if o, ok := object.(metav1.Object); ok {
		name = o.GetName()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, name+" "+reason.Name+" "+fmt.Sprintf(format, args...))
}

func (r *recorder) has(begin string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.events, func(e string) bool { return strings.HasPrefix(e, begin) })
}
