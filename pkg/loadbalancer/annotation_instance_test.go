package loadbalancer

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/annotation"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
)

var (
	inside = map[annotation.Key]string{annotation.AddressType: "intranet"}
	bySpec = map[annotation.Key]string{annotation.InstanceChargeType: "PayBySpec"}
)

// fixed is the row of a setting that is fixed when the load balancer is made.
func fixed(key annotation.Key, also map[annotation.Key]string, first, second, wrong string, see func(seen) string) annotated {
	return annotated{key: key, also: also, values: [2]string{first, second}, wrong: wrong, fixed: true, see: see, shown: [2]string{first}}
}

func instanceRows() []annotated {
	own := func(now seen) string { return strings.Replace(now.Instance.Name, "a00000000000040008000", "a+", 1) }
	protected := func(now seen) string { return strconv.FormatBool(now.Instance.DeleteProtection) }
	shown := func(now seen) string {
		if now.ingress.Hostname != "" {
			return now.ingress.Hostname + " " + now.ingress.IP + fmt.Sprint(now.ingress.IPMode)
		}
		return fmt.Sprint(now.ingress.IP == now.Instance.Address, *now.ingress.IPMode == corev1.LoadBalancerIPModeVIP)
	}
	return []annotated{
		{
			key: annotation.Name, values: [2]string{"web-a", "web.b"}, wrong: "1st", see: own, shown: [2]string{"web-a", "web.b"}, standard: "a+00000000000",
			changed: []string{"SetLoadBalancerName LoadBalancerName=web.b"}, removed: []string{"SetLoadBalancerName LoadBalancerName=a0000000000004000800000000000000"},
		},
		{
			key: annotation.Hostname, values: [2]string{"a.example.com", "b.example.com"}, wrong: "A.example.com", see: shown,
			shown: [2]string{"a.example.com <nil>", "b.example.com <nil>"}, standard: "true true", changed: []string{}, removed: []string{},
		},
		{
			key: annotation.DeleteProtection, values: [2]string{"off", "on"}, wrong: "no", see: protected, shown: [2]string{"false", "true"}, standard: "true",
			changed: []string{"SetLoadBalancerDeleteProtection DeleteProtection=on"}, removed: []string{},
		},
		{
			key: annotation.ModificationProtection, values: [2]string{"NonProtection", "ConsoleProtection"}, wrong: "on",
			see:   func(now seen) string { return now.Instance.ModificationProtection },
			shown: [2]string{"NonProtection", "ConsoleProtection"}, standard: "ConsoleProtection",
			changed: []string{"SetLoadBalancerModificationProtection ModificationProtectionReason=managed.by.kube-aliyun ModificationProtectionStatus=ConsoleProtection"},
			removed: []string{},
		},
		{
			key: annotation.AdditionalTags, values: [2]string{"team=a,env=test", "team=b"}, wrong: "kube-aliyun.io/cluster-id=x", see: freeTags,
			shown: [2]string{"env=test team=a", "team=b"}, standard: "",
			changed: []string{
				"TagResources Tag.1.Key=kube-aliyun.io/managed-tags Tag.1.Value=team Tag.2.Key=team Tag.2.Value=b", "UntagResources TagKey.1=env",
			},
			removed: []string{"UntagResources TagKey.1=kube-aliyun.io/managed-tags TagKey.2=team"},
		},
		fixed(annotation.AddressType, nil, "intranet", "internet", "Intranet", func(now seen) string { return string(now.Instance.AddressType) }),
		fixed(annotation.VSwitchID, inside, aliyunsim.SmallVSwitchI, aliyunsim.SmallVSwitchH, "vpc-1", func(now seen) string { return now.Instance.VSwitchID }),
		fixed(annotation.IP, inside, "192.168.0.200", "192.168.0.201", "192.168.0", func(now seen) string { return now.Instance.Address }),
		fixed(annotation.MasterZone, map[annotation.Key]string{annotation.SlaveZone: "cn-hangzhou-i"}, "cn-hangzhou-h", "cn-hangzhou-i", "h",
			func(now seen) string { return now.Instance.MasterZone }),
		fixed(annotation.SlaveZone, map[annotation.Key]string{annotation.MasterZone: "cn-hangzhou-h"}, "cn-hangzhou-i", "cn-hangzhou-h", "i",
			func(now seen) string { return now.Instance.SlaveZone }),
		fixed(annotation.ResourceGroupID, nil, "rg-one", "rg-two", "one", func(now seen) string { return now.Instance.ResourceGroupID }),
	}
}

// freeTags are the tags that are not the project's own.
func freeTags(now seen) string {
	var out []string
	for key, value := range now.Instance.Tags {
		if !strings.HasPrefix(key, "kube-aliyun.io/") {
			out = append(out, key+"="+value)
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func chargeRows() []annotated {
	byBandwidth := beside(bySpec, annotation.InternetChargeType, "paybybandwidth")
	chargedBy := func(now seen) string { return now.Instance.InstanceChargeType }
	trafficBy := func(now seen) string { return now.Instance.InternetChargeType }
	return []annotated{
		{ // what is paid changes at the next day's beginning
			key: annotation.InstanceChargeType, values: [2]string{"PayBySpec", "PayByCLCU"}, wrong: "PayByUse",
			see: chargedBy, shown: [2]string{"PayBySpec", "PayBySpec"}, standard: "PayBySpec",
			changed: []string{"ModifyLoadBalancerInstanceChargeType InstanceChargeType=PayByCLCU"}, removed: []string{}, oneWay: true,
		},
		{
			key: annotation.InternetChargeType, also: beside(bySpec, annotation.Bandwidth, "10"), values: [2]string{"paybybandwidth", "paybytraffic"}, wrong: "payByTraffic",
			see: trafficBy, shown: [2]string{"paybybandwidth", "paybybandwidth"}, standard: "paybybandwidth",
			changed: []string{"ModifyLoadBalancerInternetSpec InternetChargeType=paybytraffic"}, removed: []string{}, oneWay: true,
		},
		{
			key: annotation.Spec, also: bySpec, values: [2]string{"slb.s2.small", "slb.s3.large"}, wrong: "large",
			see: func(now seen) string { return now.Instance.Spec }, shown: [2]string{"slb.s2.small", "slb.s3.large"}, standard: "slb.s1.small",
			changed: []string{"ModifyLoadBalancerInstanceSpec LoadBalancerSpec=slb.s3.large"}, removed: []string{"ModifyLoadBalancerInstanceSpec LoadBalancerSpec=slb.s1.small"},
		},
		{
			key: annotation.Bandwidth, also: byBandwidth, values: [2]string{"10", "20"}, wrong: "5001",
			see: func(now seen) string { return strconv.Itoa(now.Instance.Bandwidth) }, shown: [2]string{"10", "20"},
			changed: []string{"ModifyLoadBalancerInternetSpec Bandwidth=20 InternetChargeType=paybybandwidth"}, needed: true,
		},
	}
}
