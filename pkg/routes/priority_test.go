package routes

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"k8s.io/utils/clock"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/credentials"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/transport"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/vpc"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/fault"
)

// announced says when a whole reading begins.
type announced struct {
	Network
	began chan struct{}
}

func (a announced) RouteEntries(ctx context.Context, table string) ([]vpc.RouteEntry, error) {
	a.began <- struct{}{}
	return a.Network.RouteEntries(ctx, table)
}

// Of the calls that wait for their turn, the one that came first goes last when
// it is an audit's.
func TestAnAuditsReadingLetsOthersGoFirst(t *testing.T) {
	t.Parallel()
	r := newRigWith(t, aliyunsim.Options{Seed: twoTables(1)})
	doer, err := transport.New(transport.Options{
		Region: "cn-hangzhou", Credentials: credentials.Static(aliyunsim.TestKey, aliyunsim.TestSecret, ""),
		Endpoints: map[transport.Product]string{transport.Vpc: r.sim.URL()},
		Limits:    map[string]transport.Limit{"": {InFlight: 1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(doer.Close)
	r.sim.Fault(fault.Rule{Action: "DescribeRouteEntryList", Kind: fault.Delay, Delay: 200 * time.Millisecond})
	cloud := announced{Network: vpc.New(doer), began: make(chan struct{})}
	e := newEngine(cloud, "c1", "", clock.RealClock{}, time.Second)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { e.run(ctx) })
	defer wg.Wait()
	defer cancel()

	order := make(chan string, 3)
	read := func(what, table string, p transport.Priority) {
		wg.Go(func() {
			if _, err := e.table(table).reads.Do(ctx, p); err != nil {
				t.Errorf("%s: %v", what, err)
			}
			order <- what
		})
		<-cloud.began
	}
	read("first", testTable, transport.Normal)
	read("audit", "vtb-i", transport.Audit)
	read("other", "vtb-spare", transport.Normal)
	got := []string{<-order, <-order, <-order}
	if want := []string{"first", "other", "audit"}; !slices.Equal(got, want) {
		t.Errorf("order %v, not %v", got, want)
	}
}

func TestASharedReadingIsAsUrgentAsTheMostUrgentCaller(t *testing.T) {
	const audit, normal, urgent = transport.Audit, transport.Normal, transport.Urgent
	for _, c := range []struct {
		callers []transport.Priority
		want    transport.Priority
	}{
		{[]transport.Priority{audit}, audit},
		{[]transport.Priority{audit, audit}, audit},
		{[]transport.Priority{audit, normal}, normal},
		{[]transport.Priority{normal, audit, urgent}, urgent},
	} {
		if got := mostUrgent(c.callers); got != c.want {
			t.Errorf("%v share a call of priority %v, not %v", c.callers, got, c.want)
		}
	}
}
