package ecs

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/fault"
)

func ids(servers []Server) []string {
	out := make([]string, len(servers))
	for i, s := range servers {
		out[i] = s.ID
	}
	slices.Sort(out)
	return out
}

func named(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("i-%d", i+1)
	}
	slices.Sort(out)
	return out
}

func TestAllServersOfAVPCAreListedPageByPage(t *testing.T) {
	sim, c := newRig(t, aliyunsim.Options{Seed: aliyunsim.SmallRegion(250)})
	got, err := c.Servers(t.Context(), Filter{VPCID: aliyunsim.SmallVPC})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(named(250), ids(got)); d != "" {
		t.Error(d)
	}
	if n := sim.Counts()["DescribeInstances"]; n != 3 {
		t.Errorf("%d calls, want 3", n)
	}
}

func TestServersAreAskedForHundredACall(t *testing.T) {
	sim, c := newRig(t, aliyunsim.Options{Seed: aliyunsim.SmallRegion(150)})
	got, err := c.Servers(t.Context(), Filter{IDs: append(named(150), "i-missing", "i-1")})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(named(150), ids(got)); d != "" {
		t.Error(d)
	}
	if n := sim.Counts()["DescribeInstances"]; n != 2 {
		t.Errorf("%d calls, want 2", n)
	}
}

func TestServersAreFoundByAddress(t *testing.T) {
	_, c := newRig(t, aliyunsim.Options{})
	got, err := c.Servers(t.Context(), Filter{PrivateIPs: []string{"192.168.1.1", "192.168.17.1", "192.168.99.99"}, VPCID: aliyunsim.SmallVPC})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"i-1", "i-2"}, ids(got)); d != "" {
		t.Error(d)
	}
	both, err := c.Servers(t.Context(), Filter{PrivateIPs: []string{"192.168.1.1"}, IDs: []string{"i-1", "i-2"}})
	if err != nil || len(both) != 1 {
		t.Errorf("address and ids together: %v, %v", ids(both), err)
	}
}

func TestAnEmptyFilterListCostsNoCall(t *testing.T) {
	sim, c := newRig(t, aliyunsim.Options{})
	servers, err := c.Servers(t.Context(), Filter{IDs: []string{}})
	if err != nil || len(servers) != 0 {
		t.Errorf("got %v, %v", servers, err)
	}
	nics, err := c.Interfaces(t.Context(), InterfaceFilter{PrivateIPs: []string{}})
	if err != nil || len(nics) != 0 {
		t.Errorf("got %v, %v", nics, err)
	}
	if n := len(sim.Counts()); n != 0 {
		t.Errorf("calls were made: %v", sim.Counts())
	}
}

const richServer = `
- id: i-rich
  name: rich
  hostName: rich-host
  type: ecs.g7.large
  vSwitch: vsw-small-h
  privateIP: 192.168.1.200
  publicIP: 47.1.2.3
  chargeType: PrePaid
  spotStrategy: NoSpot
  tags: {team: a}
`

func TestEveryFieldOfAServerIsRead(t *testing.T) {
	_, c := newRig(t, aliyunsim.Options{Seed: aliyunsim.SmallRegion(1) + richServer[1:]})
	got, err := c.Servers(t.Context(), Filter{IDs: []string{"i-rich"}})
	if err != nil || len(got) != 1 {
		t.Fatalf("%v, %v", got, err)
	}
	want := Server{
		ID: "i-rich", Name: "rich", HostName: "rich-host", Status: Running, Region: "cn-hangzhou", Zone: "cn-hangzhou-h",
		Type: "ecs.g7.large", VPCID: aliyunsim.SmallVPC, VSwitchID: aliyunsim.SmallVSwitchH,
		PrivateIPs: []string{"192.168.1.200"}, PublicIPs: []string{"47.1.2.3"}, ChargeType: "PrePaid", SpotStrategy: "NoSpot",
		Tags: map[string]string{"team": "a"},
	}
	if d := cmp.Diff(want, got[0]); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}

func TestAServerIsGoneOnlyWhenTheAPISaysSo(t *testing.T) {
	sim, c := newRig(t, aliyunsim.Options{})
	if exists, err := c.ServerExists(t.Context(), "i-1"); err != nil || !exists {
		t.Errorf("living server: %v, %v", exists, err)
	}
	if exists, err := c.ServerExists(t.Context(), "i-gone"); err != nil || exists {
		t.Errorf("missing server: %v, %v", exists, err)
	}
	sim.Fault(fault.Rule{Action: "DescribeInstanceAttribute", Kind: fault.Deny})
	if _, err := c.ServerExists(t.Context(), "i-gone"); !errors.Is(err, apierror.ErrDenied) {
		t.Errorf("denied: %v", err)
	}
}

func TestAnEmptyAnswerIsAnErrorNotAnEmptyList(t *testing.T) {
	sim, c := newRig(t, aliyunsim.Options{})
	sim.Fault(fault.Rule{Action: "Describe*", Kind: fault.Empty})
	if got, err := c.Servers(t.Context(), Filter{VPCID: aliyunsim.SmallVPC}); !errors.Is(err, apierror.ErrUnavailable) {
		t.Errorf("servers: %v, %v", got, err)
	}
}

func TestInterfacesAreFoundByAddressAndTheirCheckIsSwitched(t *testing.T) {
	sim, c := newRig(t, aliyunsim.Options{Seed: aliyunsim.SmallRegion(120)})
	servers, err := c.Servers(t.Context(), Filter{VPCID: aliyunsim.SmallVPC})
	if err != nil {
		t.Fatal(err)
	}
	filter := InterfaceFilter{VPCID: aliyunsim.SmallVPC}
	for _, s := range servers {
		filter.PrivateIPs = append(filter.PrivateIPs, s.PrivateIPs[0])
	}
	nics, err := c.Interfaces(t.Context(), filter)
	if err != nil || len(nics) != 120 {
		t.Fatalf("%d interfaces, %v", len(nics), err)
	}
	if n := sim.Counts()["DescribeNetworkInterfaces"]; n != 2 {
		t.Errorf("%d calls, want 2", n)
	}
	first := nics[0]
	if !first.SourceDestCheck || !first.Primary || first.ServerID == "" || first.VSwitchID == "" {
		t.Errorf("interface %+v", first)
	}
	if err := c.SetSourceDestCheck(t.Context(), first.ID, false); err != nil {
		t.Fatal(err)
	}
	again, err := c.Interfaces(t.Context(), InterfaceFilter{ServerIDs: []string{first.ServerID}})
	if err != nil || len(again) != 1 || again[0].SourceDestCheck {
		t.Errorf("after switching off: %+v, %v", again, err)
	}
}
