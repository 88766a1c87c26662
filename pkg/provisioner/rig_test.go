package provisioner

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/credentials"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/transport"
	"github.com/kube-aliyun/kube-aliyun/pkg/disks"
	"github.com/kube-aliyun/kube-aliyun/pkg/event"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
	simecs "github.com/kube-aliyun/kube-aliyun/test/aliyunsim/ecs"
	"github.com/kube-aliyun/kube-aliyun/test/diskrules"
)

const (
	zoneH = "cn-hangzhou-h"
	zoneI = "cn-hangzhou-i"
)

// pace is the pause between two reads of disks.
const pace = 5 * time.Millisecond

// rig is a provisioner of cluster c1 before a region with node-1 in zone h and
// node-2 in zone i.
type rig struct {
	*Provisioner
	t   *testing.T
	sim *aliyunsim.Sim
	// cloud is the test's own hand, own the provisioner's client.
	cloud, own *ecs.Client
	client     *fake.Clientset
	volumes    cache.Indexer
	events     *record.FakeRecorder
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{
		t: t, sim: aliyunsim.Start(t, aliyunsim.Options{Seed: diskrules.WithHand(aliyunsim.SmallRegion(2)), Profile: "instant"}),
		client: fake.NewClientset(), events: record.NewFakeRecorder(100),
		volumes: cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{}),
	}
	r.cloud, r.own = r.as(diskrules.TestHandKey, diskrules.TestHandSecret), r.as(aliyunsim.TestKey, aliyunsim.TestSecret)
	diskrules.Watch(t, r.sim, r.client, "c1")
	r.restart()
	return r
}

// as is a client of the region with an access key.
func (r *rig) as(key, secret string) *ecs.Client {
	r.t.Helper()
	doer, err := transport.New(transport.Options{
		Region: "cn-hangzhou", Credentials: credentials.Static(key, secret, ""),
		Endpoints:   map[transport.Product]string{transport.Ecs: r.sim.URL()},
		MaxAttempts: 2, BusyBudget: 50 * time.Millisecond,
	})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(doer.Close)
	return ecs.New(doer)
}

// restart is another process.
func (r *rig) restart() {
	nodes := cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{})
	for name, zone := range map[string]string{"node-1": zoneH, "node-2": zoneI, "node-new": ""} {
		labels := map[string]string{}
		if zone != "" {
			labels[corev1.LabelTopologyZone] = zone
		}
		if err := nodes.Add(&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}); err != nil {
			r.t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(r.t.Context())
	reader := disks.New(disks.Options{Cloud: r.own, Pace: pace})
	done := make(chan struct{})
	go func() {
		defer close(done)
		reader.Run(ctx)
	}()
	r.t.Cleanup(func() { stop(); <-done })
	r.Provisioner = New(Options{
		Cloud: r.own, Disks: reader, Nodes: corelisters.NewNodeLister(nodes), Events: event.New(r.events), Volumes: corelisters.NewPersistentVolumeLister(r.volumes),
		Live: r.client.CoreV1().PersistentVolumes(), ClusterID: "c1", Region: "cn-hangzhou", Zone: zoneH,
	})
}

// options are a claim of 20Gi named data-0 of a class with these parameters
// (name, value, name, value...).
func options(size string, parameters ...string) controller.ProvisionOptions {
	class := &storagev1.StorageClass{
		ObjectMeta: metav1.ObjectMeta{Name: "disks"}, Provisioner: Name, Parameters: map[string]string{},
		ReclaimPolicy: new(corev1.PersistentVolumeReclaimDelete), MountOptions: []string{"noatime", "nodiratime"},
	}
	for i := 0; i < len(parameters); i += 2 {
		class.Parameters[parameters[i]] = parameters[i+1]
	}
	return controller.ProvisionOptions{
		StorageClass: class, PVName: "pvc-1",
		PVC: &corev1.PersistentVolumeClaim{
			ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "data-0", UID: types.UID("uid-1")},
			Spec: corev1.PersistentVolumeClaimSpec{
				AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
				Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(size)}},
			},
		},
	}
}

// provision provisions and has to succeed.
func (r *rig) provision(o controller.ProvisionOptions) *corev1.PersistentVolume {
	r.t.Helper()
	pv, state, err := r.Provision(r.t.Context(), o)
	if err != nil || state != controller.ProvisioningFinished {
		r.t.Fatalf("%s: %v", state, err)
	}
	pv.Annotations[annotationProvisioner] = Name
	return pv
}

// fails provisions, which has to fail in this state with these words.
func (r *rig) fails(o controller.ProvisionOptions, want controller.ProvisioningState, words ...string) {
	r.t.Helper()
	_, state, err := r.Provision(r.t.Context(), o)
	if err == nil || state != want {
		r.t.Fatalf("%s, %v; want %s", state, err, want)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			r.t.Errorf("%q does not say %q", err, word)
		}
	}
}

// disks are the region's data disks.
func (r *rig) disks() []ecs.Disk {
	r.t.Helper()
	all, err := r.cloud.Disks(context.WithoutCancel(r.t.Context()), ecs.DiskFilter{})
	if err != nil {
		r.t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(d ecs.Disk) bool { return d.System })
}

func (r *rig) oneDisk() ecs.Disk {
	r.t.Helper()
	all := r.disks()
	if len(all) != 1 {
		r.t.Fatalf("%d disks: %+v", len(all), all)
	}
	return all[0]
}

// addDisk has a disk that others made.
func (r *rig) addDisk(seed simecs.DiskSeed) string {
	r.t.Helper()
	var id string
	var err error
	r.sim.Do(func(region *aliyunsim.Region) { id, err = region.ECS.AddDisk(region.Now(), seed) })
	if err != nil {
		r.t.Fatal(err)
	}
	return id
}

// calls fails unless exactly these calls were made, such as "CreateDisk 1".
func (r *rig) calls(want ...string) {
	r.t.Helper()
	var got []string
	for action, n := range r.sim.Counts() {
		got = append(got, fmt.Sprint(action, " ", n))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		r.t.Errorf("calls %q, want %q", got, want)
	}
}
