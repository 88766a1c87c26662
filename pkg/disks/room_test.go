package disks

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"

	"github.com/kube-aliyun/kube-aliyun/pkg/servers"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
	simecs "github.com/kube-aliyun/kube-aliyun/test/aliyunsim/ecs"
)

func TestNodesTellHowManyDisksTheirServersCanStillTake(t *testing.T) {
	r := newRig(t, 3)
	for _, id := range []string{"d-1", "d-2"} {
		r.disk(id, func(s *simecs.DiskSeed) { s.Server = "i-1" })
	}
	factory := informers.NewSharedInformerFactory(r.client, 0)
	nodes := factory.Core().V1().Nodes().Lister()
	factory.Core().V1().Nodes().Informer()
	factory.Start(t.Context().Done())
	t.Cleanup(factory.Shutdown)
	factory.WaitForCacheSync(t.Context().Done())
	room := NewRoom(RoomOptions{Cloud: r.ecs, Kubernetes: r.client, Nodes: nodes, Servers: servers.New(servers.Options{
		Region: "cn-hangzhou", VPCID: aliyunsim.SmallVPC, Nodes: nodes, Cloud: r.ecs, Events: r.events,
	})})
	expect := func(node, free string) {
		t.Helper()
		r.eventually("the annotation of "+node+" is read", func() bool {
			n, err := nodes.Get(node)
			return err == nil && n.Annotations[AnnotationFree] == free
		})
		n, err := r.client.CoreV1().Nodes().Get(t.Context(), node, metav1.GetOptions{})
		r.must(err)
		if n.Annotations[AnnotationLimit] != "17" {
			t.Errorf("%s: %v", node, n.Annotations)
		}
	}

	r.must(room.Update(t.Context()))
	expect("node-1", "14") // of 17, less the system disk and two more
	expect("node-3", "16")
	r.expectCalls(map[string]int{"DescribeInstanceTypes": 1, "DescribeDisks": 1})

	// The types are known from now on, and what is so is not written again.
	r.client.ClearActions()
	r.must(room.Update(t.Context()))
	r.expectCalls(map[string]int{"DescribeInstanceTypes": 1, "DescribeDisks": 2})
	if actions := r.client.Actions(); len(actions) != 0 {
		t.Errorf("written again: %v", actions)
	}

	r.must(r.ecs.DetachDisk(t.Context(), "d-2", "i-1"))
	r.eventually("the disk is free", func() bool { return r.on("d-2") == "Available" })
	r.must(room.Update(t.Context()))
	expect("node-1", "15")
}
