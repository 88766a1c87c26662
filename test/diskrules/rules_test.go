package diskrules

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/credentials"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/transport"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
	simecs "github.com/kube-aliyun/kube-aliyun/test/aliyunsim/ecs"
)

func TestJudge(t *testing.T) {
	free := facts{cluster: "c1", exists: true}
	on := func(server string, change func(*facts)) facts {
		f := facts{cluster: "c1", exists: true, servers: []string{server}, member: true}
		if change != nil {
			change(&f)
		}
		return f
	}
	attach, detach := call{"AttachDisk", "d-1", "i-1"}, call{"DetachDisk", "d-1", "i-1"}
	for name, c := range map[string]struct {
		call  call
		facts facts
		says  string
	}{
		"attach of a free disk":            {attach, free, ""},
		"attach once more":                 {attach, on("i-1", nil), ""},
		"attach while it is elsewhere":     {attach, on("i-3", nil), "second attachment"},
		"detach of an unused disk":         {detach, on("i-1", nil), ""},
		"detach of a used disk":            {detach, on("i-1", func(f *facts) { f.uses = []string{"Pod ns/db"} }), "in use there: Pod ns/db"},
		"detach from a server that is off": {detach, on("i-1", func(f *facts) { f.uses, f.down = []string{"Pod"}, true }), ""},
		"detach from a foreign server":     {detach, on("i-1", func(f *facts) { f.member = false }), "not of the cluster"},
		"detach of what is not there":      {detach, on("i-3", func(f *facts) { f.member = false }), ""},
		"deletion of a free disk":          {call{"DeleteDisk", "d-1", ""}, free, ""},
		"deletion of an attached disk":     {call{"DeleteDisk", "d-1", ""}, on("i-1", nil), "attached to i-1"},
		"deletion of a kept disk": {
			call{"DeleteDisk", "d-1", ""}, facts{cluster: "c1", exists: true, volumes: []volume{{"pv-1", false}}}, "PersistentVolume pv-1",
		},
		"deletion with its volume": {
			call{"DeleteDisk", "d-1", ""}, facts{cluster: "c1", exists: true, volumes: []volume{{"pv-1", true}}}, "",
		},
		"another cluster's disk": {
			call{"ResizeDisk", "d-1", ""}, facts{cluster: "c1", exists: true, tags: map[string]string{ownership.TagClusterID: "c2"}}, "cluster c2",
		},
		"no disk": {detach, facts{cluster: "c1", servers: []string{"i-1"}}, ""},
	} {
		got := judge(c.call, c.facts)
		if (c.says == "") != (got == "") || !strings.Contains(got, c.says) {
			t.Errorf("%s: %q, want %q", name, got, c.says)
		}
	}
}

func TestTwoDisksOfOneClaimAreSeen(t *testing.T) {
	of := func(id, claim string) disk {
		return disk{ID: id, Tags: map[string]string{ownership.TagClaimUID: claim}}
	}
	if problem := twice([]disk{of("d-1", "a"), of("d-2", "b"), {ID: "d-3"}, {ID: "d-4"}}); problem != "" {
		t.Error(problem)
	}
	if twice([]disk{of("d-1", "a"), of("d-2", "a")}) == "" || twice([]disk{{ID: "d-1", Servers: []string{"i-1", "i-2"}}}) == "" {
		t.Error("not seen")
	}
}

// listener is a test whose failures are looked at.
type listener struct {
	testing.TB

	mu   sync.Mutex
	said []string
}

func (l *listener) Errorf(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.said = append(l.said, fmt.Sprintf(format, args...))
}

func TestADetachUnderAPodIsHeardAndThatOfAPersonIsNot(t *testing.T) {
	sim := aliyunsim.Start(t, aliyunsim.Options{Seed: WithHand(aliyunsim.SmallRegion(1))})
	sim.Do(func(r *aliyunsim.Region) {
		if _, err := r.ECS.AddDisk(r.Now(), simecs.DiskSeed{ID: "d-1", Server: "i-1"}); err != nil {
			t.Fatal(err)
		}
	})
	sim.Knobs(func(k *api.Knobs) { k.DiskDetach = time.Hour })
	client := fake.NewClientset(
		&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "node-1"}, Spec: corev1.NodeSpec{ProviderID: "cn-hangzhou.i-1"}},
		&corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: "pv-1"}, Spec: corev1.PersistentVolumeSpec{
			ClaimRef: &corev1.ObjectReference{Namespace: "ns", Name: "data"},
			PersistentVolumeSource: corev1.PersistentVolumeSource{
				FlexVolume: &corev1.FlexPersistentVolumeSource{Driver: driver, Options: map[string]string{"diskId": "d-1"}},
			},
		}},
		&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "db"}, Spec: corev1.PodSpec{
			NodeName: "node-1", Volumes: []corev1.Volume{{Name: "v", VolumeSource: corev1.VolumeSource{
				PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "data"},
			}}},
		}},
	)
	heard := &listener{TB: t}
	w := Watch(heard, sim, client, "c1")
	detach := func(key, secret string) {
		doer, err := transport.New(transport.Options{
			Region: "cn-hangzhou", Credentials: credentials.Static(key, secret, ""),
			Endpoints: map[transport.Product]string{transport.Ecs: sim.URL()}, MaxAttempts: 1, BusyBudget: time.Millisecond,
		})
		if err != nil {
			t.Fatal(err)
		}
		defer doer.Close()
		_ = ecs.New(doer).DetachDisk(t.Context(), "d-1", "i-1") // the second is refused: it is on its way
	}
	detach(TestHandKey, TestHandSecret)
	detach(aliyunsim.TestKey, aliyunsim.TestSecret)
	if len(heard.said) == 0 || !strings.Contains(heard.said[0], "Pod ns/db on node-1 has it") || w.Judged() != len(heard.said) {
		t.Errorf("%d judged, %q", w.Judged(), heard.said)
	}
}

func TestADiskOfAClaimWithoutAVolumeIsALeak(t *testing.T) {
	sim := aliyunsim.Start(t, aliyunsim.Options{Seed: aliyunsim.SmallRegion(1)})
	claim := ownership.Volume{ClusterID: "c1", Name: "pvc-1", ClaimUID: "uid-1", Namespace: "ns", Claim: "data"}
	sim.Do(func(r *aliyunsim.Region) {
		for _, seed := range []simecs.DiskSeed{{ID: "d-1", Zone: "cn-hangzhou-h", Tags: claim.Tags()}, {ID: "d-2", Zone: "cn-hangzhou-h"}} {
			if _, err := r.ECS.AddDisk(r.Now(), seed); err != nil {
				t.Fatal(err)
			}
		}
	})
	if got := Watch(t, sim, fake.NewClientset(), "c1").Leaks(); len(got) != 1 || got[0] != "d-1 of claim ns/data" {
		t.Errorf("leaks %q", got)
	}
}
