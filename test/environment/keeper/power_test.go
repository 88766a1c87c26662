package keeper

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/admin"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/ecs"
)

// machines note what they are told; the first start of i-3 fails.
type machines struct {
	mu     sync.Mutex
	told   []string
	failed bool
}

var errStart = errors.New("it does not start")

func (m *machines) note(what, id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.told = append(m.told, what+" "+id)
}

func (m *machines) PowerOn(_ context.Context, id string) error {
	m.note("on", id)
	if id == "i-3" && !m.failed {
		m.failed = true
		return errStart
	}
	return nil
}

func (m *machines) PowerOff(_ context.Context, id string) error {
	m.note("off", id)
	return nil
}

func (m *machines) Forget(_ context.Context, id string) error {
	m.note("forget", id)
	return nil
}

func TestRealNodesFollowTheirServers(t *testing.T) {
	ctx := t.Context()
	sim := aliyunsim.Start(t, aliyunsim.Options{Seed: aliyunsim.SmallRegion(2), Profile: "instant"})
	region := admin.NewClient(sim.URL(), nil)
	told := &machines{}
	p := NewPower(region, told, "i-1", []string{"i-1", "i-2"})
	for _, step := range []struct {
		what string
		do   func() error
		want []string
	}{
		{"nothing happens", func() error { return nil }, nil},
		{"the master stops and a worker too", func() error {
			return errors.Join(region.StopServer(ctx, "i-1"), region.StopServer(ctx, "i-2"))
		}, []string{"off i-2"}},
		{"both start", func() error {
			return errors.Join(region.StartServer(ctx, "i-1"), region.StartServer(ctx, "i-2"))
		}, []string{"on i-2"}},
		{"another joins, whose start fails", func() error {
			_, err := region.CreateServer(ctx, ecs.ServerSeed{ID: "i-3", VSwitch: aliyunsim.SmallVSwitchH})
			return err
		}, []string{"on i-3"}},
		{"it is tried again", func() error { return nil }, []string{"on i-3"}},
		{"and is released", func() error { return region.ReleaseServer(ctx, "i-3", true) }, []string{"forget i-3"}},
		{"nothing happens again", func() error { return nil }, nil},
	} {
		told.told = nil
		if err := errors.Join(step.do(), p.follow(ctx)); err != nil {
			t.Fatalf("%s: %v", step.what, err)
		}
		p.working.Wait()
		slices.Sort(told.told)
		if diff := cmp.Diff(step.want, told.told); diff != "" {
			t.Errorf("%s: %s", step.what, diff)
		}
	}
}
