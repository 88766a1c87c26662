package ecs

import (
	"slices"
	"testing"
	"time"

	sdk "github.com/aliyun/alibaba-cloud-sdk-go/services/ecs"
)

func runParams(more ...string) []string {
	return append([]string{"ImageId", "debian", "InstanceType", "ecs.g7.large", "SecurityGroupId", "sg-1", "VSwitchId", "vsw-a"}, more...)
}

func TestRunInstancesPassesThroughPendingAndStarting(t *testing.T) {
	r := newRegion(t)
	reply := sdk.CreateRunInstancesResponse()
	r.must(reply, "RunInstances", runParams("InstanceName", "node", "Amount", "2", "Tag.1.Key", "k", "Tag.1.Value", "v", "Ipv6AddressCount", "1")...)
	made := reply.InstanceIdSets.InstanceIdSet
	if len(made) != 2 {
		t.Fatalf("%+v", reply)
	}
	for _, want := range []string{"Pending", "Starting", "Running"} {
		if got := r.status(made[0]); got != want {
			t.Fatalf("%s, want %s", got, want)
		}
		r.pass(2 * time.Second)
	}
	i := r.list("InstanceIds", `["`+made[1]+`"]`).Instances.Instance[0]
	if i.InstanceName != "node002" || i.CreationTime != "2026-05-01T12:34Z" || i.Tags.Tag[0].TagKey != "k" ||
		i.SecurityGroupIds.SecurityGroupId[0] != "sg-1" || len(i.NetworkInterfaces.NetworkInterface[0].Ipv6Sets.Ipv6Set) != 1 {
		t.Fatalf("%+v", i)
	}
}

func TestRunInstancesMakesServersOncePerToken(t *testing.T) {
	r := newRegion(t)
	first, again := sdk.CreateRunInstancesResponse(), sdk.CreateRunInstancesResponse()
	r.must(first, "RunInstances", runParams("ClientToken", "t")...)
	r.refused(403, "LastTokenProcessing", "RunInstances", runParams("ClientToken", "t")...)
	r.refused(403, "IdempotentParameterMismatch", "RunInstances", runParams("ClientToken", "t", "Amount", "2")...)
	r.pass(r.latency)
	r.must(again, "RunInstances", runParams("ClientToken", "t")...)
	if !slices.Equal(first.InstanceIdSets.InstanceIdSet, again.InstanceIdSets.InstanceIdSet) || len(ids(r.list())) != 1 {
		t.Fatalf("%+v, then %+v", first, again)
	}
}

func TestRunInstancesRefusesAndLeavesNothing(t *testing.T) {
	r := newRegion(t)
	r.refused(404, "InvalidVSwitchId.NotFound", "RunInstances", runParams("VSwitchId", "vsw-none")...)
	r.refused(403, "InvalidInstanceType.ValueNotSupported", "RunInstances", runParams("InstanceType", "ecs.none")...)
	r.refused(403, "InvalidVSwitchId.IpNotEnough", "RunInstances", runParams("VSwitchId", "vsw-b", "Amount", "5")...)
	r.refused(403, "InvalidIPAddress.AlreadyUsed", "RunInstances", runParams("PrivateIpAddress", "10.9.9.9")...)
	r.refused(400, "InvalidParameter", "RunInstances", runParams("Amount", "101")...)
	r.refused(400, "InvalidParameter", "RunInstances", runParams("ZoneId", "cn-test-b")...)
	r.refused(400, "InvalidTagKey.Malformed", "RunInstances", runParams("Tag.1.Key", "acs:x", "Tag.1.Value", "v")...)
	r.refused(400, "DryRunOperation", "RunInstances", runParams("DryRun", "true")...)
	r.refused(400, "MissingParameter", "RunInstances", "ImageId", "x", "InstanceType", "ecs.g7.large", "VSwitchId", "vsw-a")
	r.must(sdk.CreateRunInstancesResponse(), "RunInstances", runParams("VSwitchId", "vsw-b", "Amount", "4")...)
}
