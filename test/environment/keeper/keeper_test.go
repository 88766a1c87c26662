package keeper

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/klog/v2"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/admin"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/ecs"
	"github.com/kube-aliyun/kube-aliyun/test/cluster/nodes"
)

func TestNodesLiveAsLongAsTheirServers(t *testing.T) {
	ctx := t.Context()
	sim := aliyunsim.Start(t, aliyunsim.Options{Seed: aliyunsim.SmallRegion(2), Profile: "instant"})
	region := admin.NewClient(sim.URL(), nil)
	fleet := nodes.New(fake.NewClientset(), klog.Background())
	k := New(region, fleet)
	first, second, third := "192.168.1.1", "192.168.17.1", "192.168.1.200"
	for _, step := range []struct {
		what  string
		do    func() error
		alive []string
	}{
		{"two servers run", func() error { return nil }, []string{first, second}},
		{"one stops", func() error { return region.StopServer(ctx, "i-1") }, []string{second}},
		{"and starts", func() error { return region.StartServer(ctx, "i-1") }, []string{first, second}},
		{"another joins", func() error {
			_, err := region.CreateServer(ctx, ecs.ServerSeed{ID: "i-3", VSwitch: aliyunsim.SmallVSwitchH, PrivateIP: third})
			return err
		}, []string{first, third, second}},
		{"and is released", func() error { return region.ReleaseServer(ctx, "i-3", true) }, []string{first, second}},
		{"its address goes to a new one while another leaves", func() error {
			_, err := region.CreateServer(ctx, ecs.ServerSeed{ID: "i-4", VSwitch: aliyunsim.SmallVSwitchH, PrivateIP: third})
			return errors.Join(err, region.ReleaseServer(ctx, "i-2", true))
		}, []string{first, third}},
	} {
		if err := errors.Join(step.do(), k.follow(ctx)); err != nil {
			t.Fatalf("%s: %v", step.what, err)
		}
		if diff := cmp.Diff(step.alive, fleet.Alive()); diff != "" {
			t.Errorf("%s: %s", step.what, diff)
		}
	}
}
