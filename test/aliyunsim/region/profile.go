package region

import (
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/gateway"
)

// The profiles.
const (
	// Instant has neither latencies nor transitions: for tests of logic.
	Instant = "instant"
	// Standard is what budgets are measured with: 100 ms a call, a load balancer
	// busy until the reply, 300 ms for a listener, 1 s for routes, no lag, and
	// quotas that a large cluster does not meet.
	Standard = "std"
	// Published has the quotas and delays of a new account, without latency.
	Published = "published"
)

// SetProfile sets the latencies, delays and quotas of a profile.
func (r *Region) SetProfile(name string) error {
	knobs := api.DefaultKnobs()
	latency := map[string]gateway.Latency{}
	switch name {
	case Instant:
		knobs.NetworkTransition = 0
		knobs.RouteOperation, knobs.ServerTransition, knobs.ListenerTransition, knobs.HealthLag = 0, 0, 0, 0
		knobs.DiskCreation, knobs.DiskAttach, knobs.DiskDetach, knobs.DiskResize, knobs.SnapshotTime = 0, 0, 0, 0, 0
	case Standard:
		latency["*"] = gateway.Fixed(100 * time.Millisecond)
		knobs.LoadBalancersPerAccount = 1000
		knobs.AttachmentsPerServer = 1000
		knobs.RoutesPerTable = 2000
	case Published:
	default:
		return errUnknown("profile", name)
	}
	r.SetKnobs(func(k *api.Knobs) { *k = knobs })
	r.Gateway.SetKnobs(func(k *gateway.Knobs) { k.Latency = latency })
	return nil
}
