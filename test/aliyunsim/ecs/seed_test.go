package ecs

import (
	"testing"
	"time"

	sdk "github.com/aliyun/alibaba-cloud-sdk-go/services/ecs"
	"sigs.k8s.io/yaml"
)

func TestSeedReadsYAML(t *testing.T) {
	r := newRegion(t)
	var seed Seed
	err := yaml.UnmarshalStrict([]byte(`
zones: [cn-test-z]
types: [{name: ecs.tiny, family: ecs.t, cpu: 1, memoryGiB: 0.5, disks: 2}]
servers:
- {id: i-1, name: n, hostName: h, type: ecs.tiny, zone: cn-test-a, vSwitch: vsw-a, privateIP: 10.0.0.9, eip: auto, ipv6: auto, status: Stopped,
   chargeType: PostPaid, spotStrategy: NoSpot, tags: {a: b}, sourceDestCheck: false, interfaces: [{privateIPs: [10.0.0.10]}]}
`), &seed)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Seed(seed); err != nil {
		t.Fatal(err)
	}
	i := r.list().Instances.Instance[0]
	if i.InstanceId != "i-1" || i.Memory != 512 || i.EipAddress.IpAddress == "" || i.Status != "Stopped" || len(i.NetworkInterfaces.NetworkInterface) != 2 {
		t.Fatalf("%+v", i)
	}
}

func TestRefusedServerTakesNothing(t *testing.T) {
	for name, seed := range map[string]ServerSeed{
		"no vSwitch":          {VSwitch: "vsw-none"},
		"id twice":            {ID: "i-1"},
		"other zone":          {Zone: "cn-test-b"},
		"type":                {Type: "ecs.none"},
		"status":              {Status: "Odd"},
		"charge type":         {ChargeType: "Free"},
		"two public":          {PublicIP: "8.8.8.8", EIP: "auto"},
		"public address":      {PublicIP: "x"},
		"address taken":       {PrivateIP: "10.0.0.77"},
		"second address bad":  {Interfaces: []InterfaceSeed{{PrivateIPs: []string{"", "10.9.9.9"}}}},
		"IPv6 address bad":    {IPv6: "2001:dead::1"},
		"elastic in use":      {EIP: "47.7.7.7"},
		"interface twice":     {Interfaces: []InterfaceSeed{{ID: "eni-x"}, {ID: "eni-x"}}},
		"interface elsewhere": {Interfaces: []InterfaceSeed{{VSwitch: "vsw-b"}}},
	} {
		r := newRegion(t, ServerSeed{ID: "i-1", PrivateIP: "10.0.0.77", EIP: "47.7.7.7"})
		if seed.VSwitch == "" {
			seed.VSwitch = "vsw-a"
		}
		before := r.dump()
		if _, err := r.Create(r.now, seed); err == nil {
			t.Errorf("%s: accepted", name)
		}
		if r.dump() != before {
			t.Errorf("%s: refused but changed the state", name)
		}
	}
}

func TestSameSeedMakesTheSameRegion(t *testing.T) {
	build := func() string {
		r := newRegion(t, ServerSeed{EIP: "auto", IPv6: "auto"}, ServerSeed{Interfaces: []InterfaceSeed{{}}})
		return r.dump()
	}
	if one, two := build(), build(); one != two {
		t.Fatalf("%s\n%s", one, two)
	}
}

func TestRestoredECSGoesOnWhereTheDumpWas(t *testing.T) {
	r := newRegion(t, fleet(12)...)
	reply := sdk.CreateRunInstancesResponse()
	r.must(reply, "RunInstances", runParams("ClientToken", "t")...)
	page := r.list("MaxResults", "10")
	own, err := r.Dump()
	if err != nil {
		t.Fatal(err)
	}
	network, err := r.vpc.Dump()
	if err != nil {
		t.Fatal(err)
	}
	other := newRegion(t)
	other.now = r.now
	if err := other.Restore(own); err != nil {
		t.Fatal(err)
	}
	if err := other.vpc.Restore(network); err != nil {
		t.Fatal(err)
	}
	if other.dump() != r.dump() {
		t.Fatal("the restored state differs")
	}
	if rest := other.list("MaxResults", "10", "NextToken", page.NextToken); len(rest.Instances.Instance) != 3 {
		t.Fatalf("%v", ids(rest))
	}
	other.pass(4 * time.Second)
	id := reply.InstanceIdSets.InstanceIdSet[0]
	if got := other.status(id); got != "Running" {
		t.Fatal(got)
	}
	again := sdk.CreateRunInstancesResponse()
	other.must(again, "RunInstances", runParams("ClientToken", "t")...)
	if again.InstanceIdSets.InstanceIdSet[0] != id {
		t.Fatal("the client token was forgotten")
	}
}

func TestCatalogueDecodes(t *testing.T) {
	r := newRegion(t, fleet(1)...)
	types := sdk.CreateDescribeInstanceTypesResponse()
	r.must(types, "DescribeInstanceTypes", "InstanceTypes.1", "ecs.g7.large", "InstanceTypes.2", "ecs.none")
	if k := types.InstanceTypes.InstanceType; len(k) != 1 || k[0].InstanceTypeId != "ecs.g7.large" || k[0].CpuCoreCount != 2 || k[0].MemorySize != 8 ||
		k[0].DiskQuantity != 17 || k[0].EniQuantity != 3 || k[0].NvmeSupport != "supported" {
		t.Errorf("%+v", k)
	}
	zones := sdk.CreateDescribeZonesResponse()
	r.must(zones, "DescribeZones")
	if z := zones.Zones.Zone; len(z) != 4 || z[0].ZoneId != "cn-test-a" || len(z[0].AvailableResourceCreation.ResourceTypes) == 0 {
		t.Errorf("%+v", z)
	}
	regions := sdk.CreateDescribeRegionsResponse()
	r.must(regions, "DescribeRegions")
	if g := regions.Regions.Region; len(g) != 5 || g[0].RegionId != "cn-test" || g[0].RegionEndpoint != "ecs.cn-test.aliyuncs.com" {
		t.Errorf("%+v", g)
	}
	r.refused(400, "InvalidParameter", "DescribeInstanceTypes", "InstanceTypes.1", "a", "InstanceTypes.2", "a", "InstanceTypes.3", "a",
		"InstanceTypes.4", "a", "InstanceTypes.5", "a", "InstanceTypes.6", "a", "InstanceTypes.7", "a", "InstanceTypes.8", "a",
		"InstanceTypes.9", "a", "InstanceTypes.10", "a", "InstanceTypes.11", "a")
}

func TestFiveThousandServersAreAllListed(t *testing.T) {
	r := newRegion(t, fleet(5000)...)
	seen := map[string]bool{}
	token := ""
	for page := 0; page == 0 || token != ""; page++ {
		reply := r.list("VpcId", "vpc-a", "MaxResults", "100", "NextToken", token)
		for _, id := range ids(reply) {
			seen[id] = true
		}
		token = reply.NextToken
	}
	if len(seen) != 5000 {
		t.Fatalf("%d servers", len(seen))
	}
}

func TestLookUpsDoNotGrowWithTheRegion(t *testing.T) {
	// fastest is the shortest of many runs, which other load on the machine does not lengthen.
	fastest := func(servers int, action string, params ...string) time.Duration {
		r := newRegion(t, fleet(servers)...)
		best := time.Hour
		for range 50 {
			began := time.Now()
			for range 20 {
				if _, err := r.call(action, params...); err != nil {
					t.Fatal(err)
				}
			}
			best = min(best, time.Since(began))
		}
		return best
	}
	for name, look := range map[string][]string{
		"server by id":         {"DescribeInstances", "InstanceIds", `["i-7"]`, "MaxResults", "10"},
		"server by address":    {"DescribeInstances", "PrivateIpAddresses", `["10.0.0.7"]`, "MaxResults", "10"},
		"server's attribute":   {"DescribeInstanceAttribute", "InstanceId", "i-7"},
		"interface by address": {"DescribeNetworkInterfaces", "PrivateIpAddress.1", "10.0.0.7", "MaxResults", "10"},
		"page of servers":      {"DescribeInstances", "VpcId", "vpc-a", "MaxResults", "10"},
	} {
		small, large := fastest(100, look[0], look[1:]...), fastest(5000, look[0], look[1:]...)
		if large > 5*small {
			t.Errorf("%s: %s among 100 servers, %s among 5000", name, small, large)
		}
	}
}
