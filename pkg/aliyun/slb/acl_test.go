package slb

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// ranges are n ranges in order.
func ranges(n int) []netip.Prefix {
	out := make([]netip.Prefix, n)
	for i := range out {
		out[i] = netip.MustParsePrefix(fmt.Sprintf("10.%d.%d.0/24", i/250, i%250))
	}
	return out
}

func TestAnACLIsCreatedFilledReadAndDeleted(t *testing.T) {
	sim, c := newRig(t, aliyunsim.Options{Profile: "instant"})
	id, err := c.CreateACL(t.Context(), ACL{Name: "web", IPVersion: IPv4, Tags: map[string]string{"a": "1", "b": "2"}})
	if err != nil {
		t.Fatal(err)
	}
	all := ranges(120)
	for chunk := range slices.Chunk(all, ACLEntriesPerCall) {
		if err := c.AddACLEntries(t.Context(), id, chunk); err != nil {
			t.Fatal(err)
		}
	}
	sim.ResetCounters()
	got, err := c.ACL(t.Context(), id)
	if err != nil || got.Name != "web" || got.IPVersion != IPv4 || len(got.Entries) != 120 {
		t.Fatalf("%+v, %v", got, err)
	}
	if d := cmp.Diff(all, got.Entries, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); d != "" || sim.Counts()["DescribeAccessControlListAttribute"] != 3 {
		t.Errorf("%s calls %v", d, sim.Counts())
	}
	if err := c.RemoveACLEntries(t.Context(), id, all[:50]); err != nil {
		t.Fatal(err)
	}
	if got, err = c.ACL(t.Context(), id); err != nil || len(got.Entries) != 70 {
		t.Errorf("%d entries, %v", len(got.Entries), err)
	}
	if err := c.AddACLEntries(t.Context(), id, all[60:61]); !errors.Is(err, apierror.ErrInvalid) {
		t.Errorf("an entry twice: %v", err)
	}
	if err := c.AddACLEntries(t.Context(), id, all[:51]); err == nil {
		t.Error("51 entries in one call")
	}
	if err := c.DeleteACL(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{
		"reading": func() error { _, err := c.ACL(t.Context(), id); return err }(), "deleting": c.DeleteACL(t.Context(), id),
	} {
		if !errors.Is(err, apierror.ErrNotFound) {
			t.Errorf("%s a deleted one: %v", what, err)
		}
	}
}

func TestACLsAreFoundByTheirWholeNameAndAllTags(t *testing.T) {
	sim, c := newRig(t, aliyunsim.Options{Profile: "instant"})
	sim.Knobs(func(k *api.Knobs) { k.ACLsPerRegion = 100 })
	for i := range 60 {
		if _, err := c.CreateACL(t.Context(), ACL{Name: fmt.Sprintf("web-%d", i), IPVersion: IPv6, Tags: map[string]string{"c": "1", "n": strconv.Itoa(i)}}); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		filter ACLFilter
		want   int
	}{{ACLFilter{}, 60}, {ACLFilter{Name: "web-1"}, 1}, {ACLFilter{Tags: map[string]string{"c": "1", "n": "7"}}, 1}, {ACLFilter{Name: "web"}, 0}} {
		got, err := c.ACLs(t.Context(), tt.filter)
		if err != nil || len(got) != tt.want {
			t.Errorf("%+v: %d, %v", tt.filter, len(got), err)
		}
		if tt.want == 1 && (got[0].IPVersion != IPv6 || got[0].Tags["c"] != "1") {
			t.Errorf("%+v", got)
		}
	}
}

func TestAnACLInUseIsNotDeleted(t *testing.T) {
	_, c := newRig(t, aliyunsim.Options{Profile: "instant"})
	lb := newLB(t, c, "web", nil)
	id, err := c.CreateACL(t.Context(), ACL{Name: "web", IPVersion: IPv4})
	if err != nil {
		t.Fatal(err)
	}
	key := ListenerKey{Protocol: TCP, Port: 80}
	listener := Listener{
		LoadBalancerID: lb.ID, ListenerKey: key, BackendPort: 30080, Attributes: Attributes{ACLStatus: "on", ACLType: "white", ACLID: id},
	}
	if err := c.CreateListener(t.Context(), listener); err != nil {
		t.Fatal(err)
	}
	if err := c.DeleteACL(t.Context(), id); !errors.Is(err, apierror.ErrConflict) {
		t.Errorf("deletion: %v", err)
	}
	if err := c.SetListener(t.Context(), lb.ID, key, Change{Attributes: Attributes{ACLStatus: "off"}}); err != nil {
		t.Fatal(err)
	}
	if err := c.DeleteACL(t.Context(), id); err != nil {
		t.Error(err)
	}
}
