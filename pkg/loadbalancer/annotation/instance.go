package annotation

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
)

const (
	on  = "on"
	off = "off"
)

var clusterWide = Doc{English: "the cluster's setting", Chinese: "集群配置"}

// instanceEntries are the annotations that concern the instance.
func instanceEntries() []Entry {
	return []Entry{
		{
			Key: Name, Type: Text, Scope: Tenant, Check: instanceName,
			DefaultDoc: Doc{English: "`a` and the Service's UID without dashes, 32 characters", Chinese: "`a` 加上去掉短横线的 Service UID，共 32 个字符"},
			Doc: Doc{
				English: "Name of the load balancer, 1 to 80 letters, digits, dots, dashes and underscores, a letter first; changing it renames.",
				Chinese: "负载均衡实例的名称：1 至 80 个字母、数字、点、短横线或下划线，以字母开头；修改后实例随之改名。",
			},
		},
		{
			Key: AddressType, Type: Choice, Choices: []string{"internet", "intranet"}, Immutable: true, Scope: Cost, DefaultDoc: clusterWide,
			Doc: Doc{
				English: "Who can reach the load balancer: everybody (internet), or the VPC (intranet).",
				Chinese: "负载均衡的访问范围：公网（internet）或仅 VPC 内（intranet）。",
			},
		},
		{
			Key: NetworkType, Aliases: []string{Prefix + "slb-network-type"}, Type: Choice, Choices: []string{"classic", "vpc"}, Immutable: true, Scope: Tenant,
			DefaultDoc: Doc{English: "`vpc` for intranet, `classic` for internet", Chinese: "私网为 `vpc`，公网为 `classic`"},
			Doc: Doc{
				English: "Network in which the address lies. It follows from address-type; an intranet load balancer in the classic network is refused, because it cannot reach servers in a VPC.",
				Chinese: "地址所在的网络，由 address-type 决定；经典网络中的私网负载均衡无法访问 VPC 内的服务器，因此会被拒绝。",
			},
		},
		{
			Key: VSwitchID, Type: Text, Immutable: true, Scope: Tenant, Check: idOf("vsw-"),
			DefaultDoc: Doc{English: "the first configured vSwitch", Chinese: "配置中的第一个交换机"},
			Doc: Doc{
				English: "vSwitch in which an intranet load balancer gets its address.",
				Chinese: "私网负载均衡的地址所在的交换机。",
			},
		},
		{
			Key: IP, Type: Text, Immutable: true, Scope: Tenant, Check: address,
			DefaultDoc: Doc{English: "the Service's loadBalancerIP, else one of the vSwitch", Chinese: "Service 的 loadBalancerIP；没有则由交换机分配"},
			Doc: Doc{
				English: "Address of an intranet load balancer, in the vSwitch's range.",
				Chinese: "私网负载均衡的地址，须在交换机网段内。",
			},
		},
		{
			Key: IPVersion, Type: Choice, Choices: []string{"ipv4", "ipv6"}, Immutable: true, Scope: Tenant,
			DefaultDoc: Doc{English: "one load balancer for each of the Service's `ipFamilies`", Chinese: "Service 的 `ipFamilies` 中每个地址族各一个负载均衡"},
			Doc: Doc{
				English: "The one address family that gets a load balancer; it must be one of the Service's `ipFamilies`, because Nodes answer no other on their node ports.",
				Chinese: "只为该地址族创建负载均衡；它必须在 Service 的 `ipFamilies` 中，因为节点端口不响应其他地址族。",
			},
		},
		{
			Key: MasterZone, Type: Text, Immutable: true, Scope: Tenant, Check: zoneID,
			DefaultDoc: Doc{English: "chosen by the API", Chinese: "由云 API 选择"},
			Doc: Doc{
				English: "Primary zone of the load balancer; with slave-zoneid it must be a pair that the region offers.",
				Chinese: "主可用区；与 slave-zoneid 必须是该地域提供的一对。",
			},
		},
		{
			Key: SlaveZone, Type: Text, Immutable: true, Scope: Tenant, Check: zoneID,
			DefaultDoc: Doc{English: "chosen by the API", Chinese: "由云 API 选择"},
			Doc: Doc{
				English: "Secondary zone, which takes over when the primary one fails.",
				Chinese: "备可用区，主可用区故障时接管。",
			},
		},
		{
			Key: InstanceChargeType, Type: Choice, Choices: []string{"PayByCLCU", "PayBySpec"}, Scope: Cost, DefaultDoc: clusterWide,
			Doc: Doc{
				English: "How the instance is billed: by use (PayByCLCU) or by specification (PayBySpec). A living one can go from PayBySpec to PayByCLCU, not back.",
				Chinese: "实例计费方式：按使用量（PayByCLCU）或按规格（PayBySpec）。已有实例只能从 PayBySpec 改为 PayByCLCU，不能改回。",
			},
		},
		{
			Key: InternetChargeType, Aliases: []string{ArchonPrefix + "internet-charge-type", Prefix + "internet-charge-type", LegacyPrefix + "internet-charge-type"},
			Type: Choice, Choices: []string{"paybytraffic", "paybybandwidth"}, Scope: Cost, DefaultDoc: clusterWide,
			Doc: Doc{
				English: "How public traffic is billed; paybybandwidth needs PayBySpec and bandwidth. A change takes effect at the next day's beginning.",
				Chinese: "公网流量计费方式；paybybandwidth 需要 PayBySpec 并设置 bandwidth。修改于次日零点生效。",
			},
		},
		{
			Key: Bandwidth, Type: Integer, Min: 1, Max: 5000, Scope: Cost,
			DefaultDoc: Doc{English: "none with paybytraffic", Chinese: "按流量计费时不限"},
			Doc: Doc{
				English: "Bandwidth in Mbit/s of a public load balancer that is billed paybybandwidth.",
				Chinese: "按带宽计费的公网负载均衡的带宽，单位 Mbit/s。",
			},
		},
		{
			Key: Spec, Type: Choice, Choices: []string{
				"slb.s1.small", "slb.s2.small", "slb.s2.medium", "slb.s3.small", "slb.s3.medium", "slb.s3.large",
			}, Scope: Cost, DefaultDoc: clusterWide,
			Doc: Doc{
				English: "Specification of an instance that is billed PayBySpec.",
				Chinese: "按规格计费的实例的规格。",
			},
		},
		{
			Key: ResourceGroupID, Type: Text, Immutable: true, Scope: Cost, Check: idOf("rg-"), DefaultDoc: clusterWide,
			Doc: Doc{
				English: "Resource group of the load balancer.",
				Chinese: "负载均衡所属的资源组。",
			},
		},
		{
			Key: AdditionalTags, Type: TagList, Scope: Tenant, Check: additionalTags,
			DefaultDoc: Doc{English: "none", Chinese: "无"},
			Doc: Doc{
				English: "Further tags of the load balancer, as key=value pairs separated by commas; at most 10. Tags that others put on it stay.",
				Chinese: "附加标签，格式为以逗号分隔的 key=value，最多 10 个；他人添加的标签保持不变。",
			},
		},
		{
			Key: DeleteProtection, Type: Choice, Choices: []string{on, off}, Scope: Tenant, DefaultDoc: clusterWide,
			Doc: Doc{
				English: "Protect the load balancer against deletion by hand; deleting the Service removes it all the same.",
				Chinese: "防止手工删除负载均衡；删除 Service 时仍会删除它。",
			},
		},
		{
			Key: ModificationProtection, Type: Choice, Choices: []string{slb.ConsoleProtection, slb.NonProtection}, Scope: Tenant, DefaultDoc: clusterWide,
			Doc: Doc{
				English: "Protect the load balancer against changes in the console.",
				Chinese: "防止在控制台修改负载均衡。",
			},
		},
		{
			Key: Hostname, Type: Text, Scope: Tenant, Check: hostName,
			DefaultDoc: Doc{English: "none: the status shows the address", Chinese: "无：状态中显示地址"},
			Doc: Doc{
				English: "Host name that the Service's status shows instead of the address; point it at the load balancer yourself. Traffic inside the cluster then goes through the load balancer.",
				Chinese: "Service 状态中显示的主机名，代替地址；请自行将其解析到负载均衡。此时集群内部访问也会经过负载均衡。",
			},
		},
		{
			Key: ExternalIPType, Type: Choice, Choices: []string{"eip"}, Scope: Tenant,
			DefaultDoc: Doc{English: "the load balancer's own address", Chinese: "负载均衡自身的地址"},
			Doc: Doc{
				English: "Which address the Service's status shows: that of the elastic IP bound to the load balancer (eip), which must be an intranet one. Bind it yourself; until one is bound, and an event says so, the status shows the load balancer's own.",
				Chinese: "Service 状态中显示的地址：绑定在负载均衡上的弹性公网 IP（eip），负载均衡须为私网类型。请自行绑定；绑定之前显示负载均衡自身的地址，并有事件说明。",
			},
		},
	}
}

var (
	instanceNamePattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._-]{0,79}$`)
	zonePattern         = regexp.MustCompile(`^[a-z]{2,}(-[a-z0-9]+)+$`)
)

func instanceName(value string) error {
	if !instanceNamePattern.MatchString(value) {
		return errors.New("must be 1 to 80 letters, digits, '.', '_' and '-', a letter first")
	}
	return nil
}

func address(value string) error {
	if _, err := netip.ParseAddr(value); err != nil {
		return errors.New("must be an IP address")
	}
	return nil
}

func hostName(value string) error {
	if _, err := netip.ParseAddr(value); err == nil || len(validation.IsDNS1123Subdomain(value)) > 0 {
		return errors.New("must be a host name of small letters, digits, '-' and '.', and no IP address")
	}
	return nil
}

func zoneID(value string) error {
	if !zonePattern.MatchString(value) {
		return errors.New("must be a zone such as cn-hangzhou-b")
	}
	return nil
}

func idOf(prefix string) func(string) error {
	pattern := regexp.MustCompile("^" + regexp.QuoteMeta(prefix) + "[A-Za-z0-9-]+$")
	return func(value string) error {
		if !pattern.MatchString(value) {
			return fmt.Errorf("must be an id that starts with %s", prefix)
		}
		return nil
	}
}
