//go:build nightly

package chaos

import (
	"testing"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/fault"
	"github.com/kube-aliyun/kube-aliyun/test/rig"
)

// Six minutes: a Node may be deleted only when it is older than five, so the last
// minute is the one that counts.
func TestLongOutageOfListsLosesAndDoublesNothing(t *testing.T) {
	for _, kind := range []fault.Kind{fault.EmptyList, fault.Deny} {
		t.Run(string(kind), func(t *testing.T) {
			w := newWorld(t, rig.Options{Servers: 5})
			w.outage(stage{kind, 6 * time.Minute})
		})
	}
}
