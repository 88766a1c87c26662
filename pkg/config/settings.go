package config

import (
	"regexp"
	"time"
)

var (
	regionPattern  = regexp.MustCompile(`^[a-z]{2,}(-[a-z0-9]+)+$`)
	vpcPattern     = regexp.MustCompile(`^vpc-[a-z0-9]+$`)
	vSwitchPattern = regexp.MustCompile(`^vsw-[a-z0-9]+$`)
	tablePattern   = regexp.MustCompile(`^vtb-[a-z0-9]+$`)
	routerPattern  = regexp.MustCompile(`^vrt-[a-z0-9]+$`)
	clusterPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	hostPattern    = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.:-]*[A-Za-z0-9])?$`)
	secretPattern  = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]*/[a-z0-9][a-z0-9.-]*$`)
)

// settings is the one table of everything that can be configured. The order is
// the order of the reference page; insecure-endpoints stands before the
// endpoints, whose check depends on it.
var settings = []setting{
	{
		flag: "region", env: []string{"ALIYUN_REGION", "ALIBABA_CLOUD_REGION_ID"},
		help: "Region of the cluster's servers, such as cn-hangzhou. Asked of the metadata service when absent.",
		zh:   "集群服务器所在的地域，例如 cn-hangzhou。不填则从元数据服务读取。",
		set:  matching(regionPattern, "a region such as cn-hangzhou", func(c *Config) *string { return &c.Location.Region }),
	},
	{
		flag: "vpc", env: []string{"ALIYUN_VPC", "ALIBABA_CLOUD_VPC_ID"},
		help: "VPC of the cluster's servers. Asked of the metadata service when absent.",
		zh:   "集群服务器所在的专有网络（VPC）。不填则从元数据服务读取。",
		set:  matching(vpcPattern, "a VPC id such as vpc-0abc", func(c *Config) *string { return &c.Location.VPCID }),
	},
	{
		flag: "router", env: []string{"ALIYUN_ROUTER"},
		help: "vRouter of the VPC. Not needed; when given it must be the VPC's.",
		zh:   "VPC 的路由器（vRouter）。一般不需要；填写时必须是该 VPC 的路由器。",
		set:  matching(routerPattern, "a vRouter id such as vrt-0abc", func(c *Config) *string { return &c.Location.VRouterID }),
	},
	{
		flag: "route-tables", env: []string{"ALIYUN_ROUTE_TABLE"},
		help: "Route tables that get the Pod routes, comma-separated. Found by the vSwitches of the cluster's servers when absent.",
		zh:   "写入 Pod 路由的路由表，多个以逗号分隔。不填则根据集群服务器所在的交换机查找。",
		set:  list(tablePattern, "a route table id such as vtb-0abc", func(c *Config) *[]string { return &c.Routes.TableIDs }),
	},
	{
		flag: "vswitches", env: []string{"ALIYUN_VSWITCH"},
		help: "vSwitches in which intranet load balancers get their addresses, comma-separated, in order of preference. Asked of the metadata service when absent.",
		zh:   "私网负载均衡分配地址所用的交换机，多个以逗号分隔，按优先顺序排列。不填则从元数据服务读取。",
		set:  list(vSwitchPattern, "a vSwitch id such as vsw-0abc", func(c *Config) *[]string { return &c.Location.VSwitchIDs }),
	},
	{
		flag: "zone", env: []string{"ALIYUN_ZONE"},
		help: "Zone of the masters. Asked of the metadata service when absent.",
		zh:   "Master 所在的可用区。不填则从元数据服务读取。",
		set:  text(func(c *Config) *string { return &c.Location.Zone }),
	},
	{
		flag: "node-name-type", env: []string{"ALIYUN_NODE_NAME_TYPE"}, fallback: string(PrivateIP),
		help: "What Node names are: private-ip or hostname. Only with hostname the VPC's servers are listed to find one by its name.",
		zh:   "Node 名称的类型：private-ip 或 hostname。只有 hostname 时才会列出 VPC 内的服务器按名称查找。",
		set:  oneOf([]NodeNameType{PrivateIP, Hostname}, func(c *Config) *NodeNameType { return &c.Location.NodeNameType }),
	},
	{
		flag: "cluster-id", env: []string{"ALIYUN_CLUSTER_ID"},
		help: "What marks this cluster's objects in the cloud. The UID of the namespace kube-system when absent. A clone of a cluster needs one of its own.",
		zh:   "用来标记本集群云上资源的 ID。不填则使用 kube-system 命名空间的 UID。克隆出来的集群必须使用自己的 ID。",
		set:  matching(clusterPattern, "1 to 64 letters, digits, dots, dashes or underscores", func(c *Config) *string { return &c.Cluster.ID }),
	},
	{
		flag: "credentials", env: []string{"ALIYUN_CREDENTIALS"},
		help: "Where keys come from: environment, file, secret, ram-role or oidc. Derived from what else is given when absent; secret when nothing is.",
		zh:   "密钥来源：environment、file、secret、ram-role 或 oidc。不填则根据其它配置推断；都没有时为 secret。",
		set: oneOf([]CredentialSource{SourceEnvironment, SourceFile, SourceSecret, SourceRAMRole, SourceOIDC},
			func(c *Config) *CredentialSource { return &c.Credentials.Source }),
	},
	{
		flag: "access-key", env: []string{"ALIYUN_ACCESS_KEY", "ALIBABA_CLOUD_ACCESS_KEY_ID"}, secret: true,
		help: "Access key id.",
		zh:   "AccessKey ID。",
		set:  text(func(c *Config) *string { return &c.Credentials.AccessKeyID }),
	},
	{
		flag: "access-key-secret", env: []string{"ALIYUN_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"}, secret: true,
		help: "Access key secret.",
		zh:   "AccessKey Secret。",
		set:  hidden(func(c *Config) *Secret { return &c.Credentials.AccessKeySecret }),
	},
	{
		flag: "security-token", env: []string{"ALIYUN_SECURITY_TOKEN", "ALIBABA_CLOUD_SECURITY_TOKEN"}, secret: true,
		help: "STS token that belongs to the access key.",
		zh:   "与 AccessKey 配套的 STS Token。",
		set:  hidden(func(c *Config) *Secret { return &c.Credentials.SecurityToken }),
	},
	{
		flag: "credentials-file", env: []string{"ALIYUN_CREDENTIALS_FILE"},
		help: "YAML file with accessKey and accessKeySecret (and securityToken). Read again when it changes.",
		zh:   "包含 accessKey、accessKeySecret（以及 securityToken）的 YAML 文件，内容变化后会重新读取。",
		set:  text(func(c *Config) *string { return &c.Credentials.File }),
	},
	{
		flag: "credentials-secret", env: []string{"ALIYUN_CREDENTIALS_SECRET"}, fallback: "kube-system/aliyun-creds",
		help: "Secret, as namespace/name, with the keys accessKey and accessKeySecret. Watched through the Kubernetes API; the controller idles until it exists.",
		zh:   "包含 accessKey 和 accessKeySecret 的 Secret，格式为 namespace/name。通过 Kubernetes API 监听；在它出现之前控制器空闲等待。",
		set:  setSecret,
	},
	{
		flag: "ram-role", env: []string{"ALIYUN_RAM_ROLE", "ALIBABA_CLOUD_ECS_METADATA"},
		help: "RAM role of the server, for --credentials=ram-role. Asked of the metadata service when absent.",
		zh:   "--credentials=ram-role 时使用的实例 RAM 角色。不填则从元数据服务读取。",
		set:  text(func(c *Config) *string { return &c.Credentials.RAMRole }),
	},
	{
		flag: "assume-role-arn", env: []string{"ALIYUN_ASSUME_ROLE_ARN", "ALIBABA_CLOUD_ROLE_ARN"},
		help: "RAM role to assume; with --credentials=oidc the role of the service account.",
		zh:   "要扮演的 RAM 角色；--credentials=oidc 时即服务账号对应的角色。",
		set:  text(func(c *Config) *string { return &c.Credentials.AssumeRoleARN }),
	},
	{
		flag: "oidc-provider-arn", env: []string{"ALIBABA_CLOUD_OIDC_PROVIDER_ARN"},
		help: "OIDC provider, for --credentials=oidc.",
		zh:   "--credentials=oidc 时使用的 OIDC 身份提供商。",
		set:  text(func(c *Config) *string { return &c.Credentials.OIDCProviderARN }),
	},
	{
		flag: "oidc-token-file", env: []string{"ALIBABA_CLOUD_OIDC_TOKEN_FILE"},
		help: "Service account token, for --credentials=oidc. Read at each exchange.",
		zh:   "--credentials=oidc 时使用的服务账号令牌文件，每次换取凭证时读取。",
		set:  text(func(c *Config) *string { return &c.Credentials.OIDCTokenFile }),
	},
	{
		flag: "network", env: []string{"ALIYUN_NETWORK"}, fallback: "vpc",
		help: "Which of the vendor's endpoints are used: vpc (from inside a VPC) or public.",
		zh:   "使用哪一组官方接入点：vpc（VPC 内网）或 public（公网）。",
		set:  oneOf([]string{"vpc", "public"}, func(c *Config) *string { return &c.Endpoints.Network }),
	},
	{
		flag: "insecure-endpoints", fallback: "false",
		help: "Allow plain http endpoints on other machines than this one. Requests, not keys, are then readable on the way.",
		zh:   "允许以明文 http 访问其它机器上的接入点。此时请求内容（不含密钥）可能被窃听。",
		set:  boolean(func(c *Config) *bool { return &c.Endpoints.Insecure }),
	},
	{
		flag: "ecs-endpoint", env: []string{"ECS_ENDPOINT"}, help: "Endpoint of ECS, host[:port] or URL.",
		zh:  "ECS 接入点，格式为 host[:port] 或 URL。",
		set: endpoint(func(c *Config) *string { return &c.Endpoints.ECS }),
	},
	{
		flag: "vpc-endpoint", env: []string{"VPC_ENDPOINT"}, help: "Endpoint of VPC, host[:port] or URL.",
		zh:  "VPC 接入点，格式为 host[:port] 或 URL。",
		set: endpoint(func(c *Config) *string { return &c.Endpoints.VPC }),
	},
	{
		flag: "slb-endpoint", env: []string{"SLB_ENDPOINT"}, help: "Endpoint of SLB, host[:port] or URL.",
		zh:  "SLB 接入点，格式为 host[:port] 或 URL。",
		set: endpoint(func(c *Config) *string { return &c.Endpoints.SLB }),
	},
	{
		flag: "sts-endpoint", env: []string{"STS_ENDPOINT"}, help: "Endpoint of STS, host[:port] or URL.",
		zh:  "STS 接入点，格式为 host[:port] 或 URL。",
		set: endpoint(func(c *Config) *string { return &c.Endpoints.STS }),
	},
	{
		flag: "metadata-endpoint", env: []string{"METADATA_ENDPOINT"}, fallback: "http://100.100.100.200",
		help: "Base URL of the metadata service; none when there is no such service.",
		zh:   "元数据服务的地址；没有该服务时填 none。",
		set:  text(func(c *Config) *string { return &c.Endpoints.Metadata }),
	},
	{
		flag: "skip-disable-source-dest-check", fallback: "false",
		help: "Leave the source/destination check of network interfaces alone. Pod traffic is dropped while it is on.",
		zh:   "不改动弹性网卡的源/目的检查。该检查开启时 Pod 流量会被丢弃。",
		set:  boolean(func(c *Config) *bool { return &c.Routes.KeepSourceDestCheck }),
	},
	{
		flag: "delete-unmarked-routes", fallback: "false",
		help: "Remove route entries inside the cluster CIDR that carry no cluster's mark and belong to no Node. They are only reported otherwise.",
		zh:   "删除集群网段内没有任何集群标记、也不属于任何 Node 的路由条目。默认只报告，不删除。",
		set:  boolean(func(c *Config) *bool { return &c.Routes.DeleteUnmarked }),
	},
	{
		flag: "publish-node-shards", fallback: "false",
		help: "Publish names, addresses and Pod CIDRs of all Nodes in ConfigMaps of the namespace kube-aliyun-nodes, for hostroutes with --source=configmap on clusters of more than some 500 Nodes. Needs deploy/hostroutes/shards.",
		zh:   "将所有 Node 的名称、地址和 Pod 网段发布到命名空间 kube-aliyun-nodes 的 ConfigMap 中，供约 500 个 Node 以上的集群中使用 --source=configmap 的 hostroutes 读取。需要先应用 deploy/hostroutes/shards。",
		set:  boolean(func(c *Config) *bool { return &c.PublishNodeShards }),
	},
	{
		flag: "node-signer-secret",
		help: "Secret of kube-system, of type kubernetes.io/tls, with the authority that signs the certificates of kubelets which join with a bootstrap token. Empty: this controller signs nothing. aliyun-bootstrap sets it for clusters with groups.",
		zh:   "kube-system 中类型为 kubernetes.io/tls 的 Secret，保存为凭 bootstrap token 加入的 kubelet 签发证书的 CA。为空时本控制器不签发任何证书。集群文件中有 groups 时由 aliyun-bootstrap 设置。",
		set:  text(func(c *Config) *string { return &c.NodeSignerSecret }),
	},
	{
		flag: "backends-per-load-balancer", fallback: "50",
		help: "How many servers a load balancer gets when the cluster has more, 1 to 200.",
		zh:   "集群服务器更多时，每个负载均衡挂载的服务器数量，1 到 200。",
		set:  integer(1, 200, func(c *Config) *int { return &c.LoadBalancer.BackendsPerLoadBalancer }),
	},
	{
		flag: "attachments-per-server", fallback: "50",
		help: "How many load balancers a server can be in (the API's quota).",
		zh:   "一台服务器最多可以加入多少个负载均衡（API 配额）。",
		set:  integer(1, 1_000_000, func(c *Config) *int { return &c.LoadBalancer.AttachmentsPerServer }),
	},
	{
		flag: "allow-internet", fallback: "true",
		help: "Allow load balancers with public addresses. Refusing them never blocks a deletion.",
		zh:   "允许创建公网负载均衡。禁止公网不会妨碍删除。",
		set:  boolean(func(c *Config) *bool { return &c.LoadBalancer.AllowInternet }),
	},
	{
		flag: "load-balancer-address-type", fallback: "internet",
		help: "Address type of a Service without an annotation: internet or intranet.",
		zh:   "Service 没有注解时的地址类型：internet 或 intranet。",
		set:  oneOf([]string{"internet", "intranet"}, func(c *Config) *string { return &c.LoadBalancer.AddressType }),
	},
	{
		flag: "load-balancer-backend-type", fallback: "ecs",
		help: "Backends of an IPv4 Service without the annotation service.beta.kubernetes.io/backend-type: ecs (servers, by their node ports) or eni (Pods, where they have addresses of network interfaces in the VPC). A change moves the listeners of all such Services.",
		zh:   "没有注解 service.beta.kubernetes.io/backend-type 的 IPv4 Service 的后端类型：ecs（服务器的节点端口）或 eni（Pod，要求 Pod 使用 VPC 内弹性网卡的地址）。修改后，所有此类 Service 的监听都会切换后端。",
		set:  oneOf([]string{"ecs", "eni"}, func(c *Config) *string { return &c.LoadBalancer.BackendType }),
	},
	{
		flag: "load-balancer-instance-charge-type", fallback: "PayByCLCU",
		help: "How an instance is billed: PayByCLCU or PayBySpec.",
		zh:   "实例计费方式：PayByCLCU 或 PayBySpec。",
		set:  oneOf([]string{"PayByCLCU", "PayBySpec"}, func(c *Config) *string { return &c.LoadBalancer.InstanceChargeType }),
	},
	{
		flag: "load-balancer-internet-charge-type", fallback: "paybytraffic",
		help: "How public traffic is billed: paybytraffic or paybybandwidth (needs PayBySpec).",
		zh:   "公网流量计费方式：paybytraffic 或 paybybandwidth（后者要求 PayBySpec）。",
		set:  oneOf([]string{"paybytraffic", "paybybandwidth"}, func(c *Config) *string { return &c.LoadBalancer.InternetChargeType }),
	},
	{
		flag: "load-balancer-spec", fallback: "slb.s1.small",
		help: "Specification of instances billed PayBySpec.",
		zh:   "按规格计费（PayBySpec）的实例规格。",
		set:  text(func(c *Config) *string { return &c.LoadBalancer.Spec }),
	},
	{
		flag: "load-balancer-delete-protection", fallback: "true",
		help: "Protect load balancers against deletion by hand.",
		zh:   "开启负载均衡的删除保护，防止手工误删。",
		set:  boolean(func(c *Config) *bool { return &c.LoadBalancer.DeleteProtection }),
	},
	{
		flag: "load-balancer-console-protection", fallback: "true",
		help: "Protect load balancers against changes in the console.",
		zh:   "开启负载均衡的修改保护，防止在控制台误改。",
		set:  boolean(func(c *Config) *bool { return &c.LoadBalancer.ConsoleProtection }),
	},
	{
		flag: "resource-group-id", help: "Resource group of the objects that are created.",
		zh:  "新建资源所属的资源组。",
		set: text(func(c *Config) *string { return &c.LoadBalancer.ResourceGroupID }),
	},
	{
		flag: "health-check-port", fallback: "10256",
		help: "Port of kube-proxy's healthz, which load balancers of Services with the Cluster policy probe.",
		zh:   "kube-proxy 的 healthz 端口；Cluster 策略的 Service 由负载均衡探测该端口。",
		set:  integer(1, 65535, func(c *Config) *int { return &c.LoadBalancer.HealthCheckPort }),
	},
	{
		flag: "load-balancer-audit-period", fallback: "10m",
		help: "How often load balancers are compared with what they should be.",
		zh:   "每隔多久将负载均衡与期望状态核对一次。",
		set:  duration(time.Minute, func(c *Config) *time.Duration { return &c.LoadBalancer.AuditPeriod }),
	},
	{
		flag: "delete-orphaned-load-balancers", fallback: "false",
		help: "Delete load balancers and access control lists of this cluster whose Service is proven gone. They are only reported otherwise.",
		zh:   "删除本集群中 Service 已确认不存在的负载均衡和访问控制策略组。默认只报告，不删除。",
		set:  boolean(func(c *Config) *bool { return &c.LoadBalancer.DeleteOrphans }),
	},
	{
		flag: "untagged-references", fallback: "allow",
		help: "Whether Services may name load balancers, server groups, certificates and ACLs without the tag kube-aliyun.io/allow: allow or deny. With the tag, only the namespaces that it lists may.",
		zh:   "Service 是否可以引用没有 kube-aliyun.io/allow 标签的负载均衡、服务器组、证书和访问控制列表：allow 或 deny。带有该标签的对象只允许标签中列出的命名空间引用。",
		set:  oneOf([]string{"allow", "deny"}, func(c *Config) *string { return &c.LoadBalancer.UntaggedReferences }),
	},
	{
		flag: "annotation-policy",
		help: "Which shared and cost annotations the Services of a namespace may use, as a list of rules with namespaces, scopes and allow (annotation to values); rules add up. Everything is allowed when absent.",
		zh:   "各命名空间的 Service 可以使用哪些 shared 和 cost 范围的注解：规则列表，每条包含 namespaces、scopes 和 allow（注解到取值），规则相互叠加。不填则全部允许。",
		set:  setAnnotationPolicy,
	},
	{
		flag: "api-endpoints",
		help: "Addresses or host names of the load balancer in front of the API server, comma-separated: no Service may name it. The kubeconfig's server is known without.",
		zh:   "API Server 前负载均衡的地址或域名，多个以逗号分隔：任何 Service 都不能引用它。kubeconfig 中的服务器无需填写。",
		set:  list(hostPattern, "an address or a host name", func(c *Config) *[]string { return &c.LoadBalancer.APIEndpoints }),
	},
	{
		flag: "volume-socket",
		help: "Unix socket on which the FlexVolume driver of this master is served, such as /run/kube-aliyun/volumes/volumes.sock; its directory is mounted into kube-controller-manager. Disks are not attached when absent.",
		zh:   "为本 Master 的 FlexVolume 驱动提供服务的 Unix 套接字，例如 /run/kube-aliyun/volumes/volumes.sock；其目录需挂载到 kube-controller-manager。不填则不挂载云盘。",
		set:  matching(socketPattern, "an absolute path of at most 100 characters", func(c *Config) *string { return &c.Volumes.Socket }),
	},
	{
		flag: "volume-socket-group", fallback: "-1",
		help: "Group id that gets the volume socket and its directory; -1 leaves the controller's.",
		zh:   "卷套接字及其目录所属的组 ID；-1 表示保持控制器自身的组。",
		set:  integer(-1, 1<<31-1, func(c *Config) *int { return &c.Volumes.Group }),
	},
	{
		flag: "volume-socket-peers",
		help: "Uids that may use the volume socket, comma-separated, beside root and the controller's own: that of kube-controller-manager, where it does not run as root.",
		zh:   "除 root 与控制器自身之外允许使用卷套接字的 UID，多个以逗号分隔：kube-controller-manager 不以 root 运行时填写其 UID。",
		set:  uids(func(c *Config) *[]int { return &c.Volumes.Peers }),
	},
	{
		flag: "inline-volumes", fallback: "tagged",
		help: "Which Pods may name a disk themselves: deny (none), tagged (the disk's tag kube-aliyun.io/allow lists the namespace, no PersistentVolume refers to the disk and the volume's name is the disk's id) or any.",
		zh:   "哪些 Pod 可以直接指定云盘：deny（都不允许）、tagged（云盘的 kube-aliyun.io/allow 标签列出该命名空间、没有 PersistentVolume 引用该云盘、且卷名等于云盘 ID）或 any（不限制）。",
		set:  oneOf([]string{"deny", "tagged", "any"}, func(c *Config) *string { return &c.Volumes.Inline }),
	},
	{
		flag: "disk-operations-per-server", fallback: "1",
		help: "How many attaches and detaches a server gets at a time. More than 1 needs an account or servers that Alibaba Cloud allows it to.",
		zh:   "每台服务器同时进行的云盘挂载与卸载数量。大于 1 需要阿里云为账号或服务器开通并行操作。",
		set:  integer(1, 32, func(c *Config) *int { return &c.Volumes.PerServer }),
	},
	{
		flag: "api-health-address",
		help: "Address, such as 0.0.0.0:10262, that answers /readyz in the clear with whether the API server of this kubeconfig is ready: for the HTTP health check of the load balancer in front of the API servers. Off when absent.",
		zh:   "以明文 HTTP 应答 /readyz 的地址，例如 0.0.0.0:10262：告知本 kubeconfig 所指的 API Server 是否就绪，供其前面的负载均衡做 HTTP 健康检查。不填则关闭。",
		set:  hostPort(func(c *Config) *string { return &c.APIHealthAddress }),
	},
	{
		flag: "dry-run", fallback: "false",
		help: "Print what would be done and exit. Nothing is written, neither to the cloud nor to Kubernetes.",
		zh:   "打印将要执行的操作后退出。不写云端，也不写 Kubernetes。",
		set:  boolean(func(c *Config) *bool { return &c.DryRun }),
	},
}
