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
	secretPattern  = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]*/[a-z0-9][a-z0-9.-]*$`)
)

// settings is the one table of everything that can be configured. The order is
// the order of the reference page; insecure-endpoints stands before the
// endpoints, whose check depends on it.
var settings = []setting{
	{
		flag: "region", env: []string{"ALIYUN_REGION", "ALIBABA_CLOUD_REGION_ID"},
		help: "Region of the cluster's servers, such as cn-hangzhou. Asked of the metadata service when absent.",
		set:  matching(regionPattern, "a region such as cn-hangzhou", func(c *Config) *string { return &c.Location.Region }),
	},
	{
		flag: "vpc", env: []string{"ALIYUN_VPC", "ALIBABA_CLOUD_VPC_ID"},
		help: "VPC of the cluster's servers. Asked of the metadata service when absent.",
		set:  matching(vpcPattern, "a VPC id such as vpc-0abc", func(c *Config) *string { return &c.Location.VPCID }),
	},
	{
		flag: "router", env: []string{"ALIYUN_ROUTER"},
		help: "vRouter of the VPC. Not needed; when given it must be the VPC's.",
		set:  matching(routerPattern, "a vRouter id such as vrt-0abc", func(c *Config) *string { return &c.Location.VRouterID }),
	},
	{
		flag: "route-tables", env: []string{"ALIYUN_ROUTE_TABLE"},
		help: "Route tables that get the Pod routes, comma-separated. Found by the vSwitches of the cluster's servers when absent.",
		set:  list(tablePattern, "a route table id such as vtb-0abc", func(c *Config) *[]string { return &c.Routes.TableIDs }),
	},
	{
		flag: "vswitches", env: []string{"ALIYUN_VSWITCH"},
		help: "vSwitches in which intranet load balancers get their addresses, comma-separated, in order of preference. Asked of the metadata service when absent.",
		set:  list(vSwitchPattern, "a vSwitch id such as vsw-0abc", func(c *Config) *[]string { return &c.Location.VSwitchIDs }),
	},
	{
		flag: "zone", env: []string{"ALIYUN_ZONE"},
		help: "Zone of the masters. Asked of the metadata service when absent.",
		set:  text(func(c *Config) *string { return &c.Location.Zone }),
	},
	{
		flag: "node-name-type", env: []string{"ALIYUN_NODE_NAME_TYPE"}, fallback: string(PrivateIP),
		help: "What Node names are: private-ip or hostname. Only with hostname the VPC's servers are listed to find one by its name.",
		set:  oneOf([]NodeNameType{PrivateIP, Hostname}, func(c *Config) *NodeNameType { return &c.Location.NodeNameType }),
	},
	{
		flag: "cluster-id", env: []string{"ALIYUN_CLUSTER_ID"},
		help: "What marks this cluster's objects in the cloud. The UID of the namespace kube-system when absent. A clone of a cluster needs one of its own.",
		set:  matching(clusterPattern, "1 to 64 letters, digits, dots, dashes or underscores", func(c *Config) *string { return &c.Cluster.ID }),
	},
	{
		flag: "credentials", env: []string{"ALIYUN_CREDENTIALS"},
		help: "Where keys come from: environment, file, secret, ram-role or oidc. Derived from what else is given when absent; secret when nothing is.",
		set: oneOf([]CredentialSource{SourceEnvironment, SourceFile, SourceSecret, SourceRAMRole, SourceOIDC},
			func(c *Config) *CredentialSource { return &c.Credentials.Source }),
	},
	{
		flag: "access-key", env: []string{"ALIYUN_ACCESS_KEY", "ALIBABA_CLOUD_ACCESS_KEY_ID"}, secret: true,
		help: "Access key id.",
		set:  text(func(c *Config) *string { return &c.Credentials.AccessKeyID }),
	},
	{
		flag: "access-key-secret", env: []string{"ALIYUN_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"}, secret: true,
		help: "Access key secret.",
		set:  hidden(func(c *Config) *Secret { return &c.Credentials.AccessKeySecret }),
	},
	{
		flag: "security-token", env: []string{"ALIYUN_SECURITY_TOKEN", "ALIBABA_CLOUD_SECURITY_TOKEN"}, secret: true,
		help: "STS token that belongs to the access key.",
		set:  hidden(func(c *Config) *Secret { return &c.Credentials.SecurityToken }),
	},
	{
		flag: "credentials-file", env: []string{"ALIYUN_CREDENTIALS_FILE"},
		help: "YAML file with accessKey and accessKeySecret (and securityToken). Read again when it changes.",
		set:  text(func(c *Config) *string { return &c.Credentials.File }),
	},
	{
		flag: "credentials-secret", env: []string{"ALIYUN_CREDENTIALS_SECRET"}, fallback: "kube-system/aliyun-creds",
		help: "Secret, as namespace/name, with the keys accessKey and accessKeySecret. Watched through the Kubernetes API; the controller idles until it exists.",
		set:  setSecret,
	},
	{
		flag: "ram-role", env: []string{"ALIYUN_RAM_ROLE", "ALIBABA_CLOUD_ECS_METADATA"},
		help: "RAM role of the server, for --credentials=ram-role. Asked of the metadata service when absent.",
		set:  text(func(c *Config) *string { return &c.Credentials.RAMRole }),
	},
	{
		flag: "assume-role-arn", env: []string{"ALIYUN_ASSUME_ROLE_ARN", "ALIBABA_CLOUD_ROLE_ARN"},
		help: "RAM role to assume; with --credentials=oidc the role of the service account.",
		set:  text(func(c *Config) *string { return &c.Credentials.AssumeRoleARN }),
	},
	{
		flag: "oidc-provider-arn", env: []string{"ALIBABA_CLOUD_OIDC_PROVIDER_ARN"},
		help: "OIDC provider, for --credentials=oidc.",
		set:  text(func(c *Config) *string { return &c.Credentials.OIDCProviderARN }),
	},
	{
		flag: "oidc-token-file", env: []string{"ALIBABA_CLOUD_OIDC_TOKEN_FILE"},
		help: "Service account token, for --credentials=oidc. Read at each exchange.",
		set:  text(func(c *Config) *string { return &c.Credentials.OIDCTokenFile }),
	},
	{
		flag: "network", env: []string{"ALIYUN_NETWORK"}, fallback: "vpc",
		help: "Which of the vendor's endpoints are used: vpc (from inside a VPC) or public.",
		set:  oneOf([]string{"vpc", "public"}, func(c *Config) *string { return &c.Endpoints.Network }),
	},
	{
		flag: "insecure-endpoints", fallback: "false",
		help: "Allow plain http endpoints on other machines than this one. Requests, not keys, are then readable on the way.",
		set:  boolean(func(c *Config) *bool { return &c.Endpoints.Insecure }),
	},
	{
		flag: "ecs-endpoint", env: []string{"ECS_ENDPOINT"}, help: "Endpoint of ECS, host[:port] or URL.",
		set: endpoint(func(c *Config) *string { return &c.Endpoints.ECS }),
	},
	{
		flag: "vpc-endpoint", env: []string{"VPC_ENDPOINT"}, help: "Endpoint of VPC, host[:port] or URL.",
		set: endpoint(func(c *Config) *string { return &c.Endpoints.VPC }),
	},
	{
		flag: "slb-endpoint", env: []string{"SLB_ENDPOINT"}, help: "Endpoint of SLB, host[:port] or URL.",
		set: endpoint(func(c *Config) *string { return &c.Endpoints.SLB }),
	},
	{
		flag: "sts-endpoint", env: []string{"STS_ENDPOINT"}, help: "Endpoint of STS, host[:port] or URL.",
		set: endpoint(func(c *Config) *string { return &c.Endpoints.STS }),
	},
	{
		flag: "metadata-endpoint", env: []string{"METADATA_ENDPOINT"}, fallback: "http://100.100.100.200",
		help: "Base URL of the metadata service; none when there is no such service.",
		set:  text(func(c *Config) *string { return &c.Endpoints.Metadata }),
	},
	{
		flag: "skip-disable-source-dest-check", fallback: "false",
		help: "Leave the source/destination check of network interfaces alone. Pod traffic is dropped while it is on.",
		set:  boolean(func(c *Config) *bool { return &c.Routes.KeepSourceDestCheck }),
	},
	{
		flag: "delete-unmarked-routes", fallback: "false",
		help: "Remove route entries inside the cluster CIDR that carry no cluster's mark and belong to no Node. They are only reported otherwise.",
		set:  boolean(func(c *Config) *bool { return &c.Routes.DeleteUnmarked }),
	},
	{
		flag: "backends-per-load-balancer", fallback: "50",
		help: "How many servers a load balancer gets when the cluster has more, 1 to 200.",
		set:  integer(1, 200, func(c *Config) *int { return &c.LoadBalancer.BackendsPerLoadBalancer }),
	},
	{
		flag: "attachments-per-server", fallback: "50",
		help: "How many load balancers a server can be in (the API's quota).",
		set:  integer(1, 1_000_000, func(c *Config) *int { return &c.LoadBalancer.AttachmentsPerServer }),
	},
	{
		flag: "allow-internet", fallback: "true",
		help: "Allow load balancers with public addresses. Refusing them never blocks a deletion.",
		set:  boolean(func(c *Config) *bool { return &c.LoadBalancer.AllowInternet }),
	},
	{
		flag: "load-balancer-address-type", fallback: "internet",
		help: "Address type of a Service without an annotation: internet or intranet.",
		set:  oneOf([]string{"internet", "intranet"}, func(c *Config) *string { return &c.LoadBalancer.AddressType }),
	},
	{
		flag: "load-balancer-instance-charge-type", fallback: "PayByCLCU",
		help: "How an instance is billed: PayByCLCU or PayBySpec.",
		set:  oneOf([]string{"PayByCLCU", "PayBySpec"}, func(c *Config) *string { return &c.LoadBalancer.InstanceChargeType }),
	},
	{
		flag: "load-balancer-internet-charge-type", fallback: "paybytraffic",
		help: "How public traffic is billed: paybytraffic or paybybandwidth (needs PayBySpec).",
		set:  oneOf([]string{"paybytraffic", "paybybandwidth"}, func(c *Config) *string { return &c.LoadBalancer.InternetChargeType }),
	},
	{
		flag: "load-balancer-spec", fallback: "slb.s1.small",
		help: "Specification of instances billed PayBySpec.",
		set:  text(func(c *Config) *string { return &c.LoadBalancer.Spec }),
	},
	{
		flag: "load-balancer-delete-protection", fallback: "true",
		help: "Protect load balancers against deletion by hand.",
		set:  boolean(func(c *Config) *bool { return &c.LoadBalancer.DeleteProtection }),
	},
	{
		flag: "load-balancer-console-protection", fallback: "true",
		help: "Protect load balancers against changes in the console.",
		set:  boolean(func(c *Config) *bool { return &c.LoadBalancer.ConsoleProtection }),
	},
	{
		flag: "resource-group-id", help: "Resource group of the objects that are created.",
		set: text(func(c *Config) *string { return &c.LoadBalancer.ResourceGroupID }),
	},
	{
		flag: "health-check-port", fallback: "10256",
		help: "Port of kube-proxy's healthz, which load balancers of Services with the Cluster policy probe.",
		set:  integer(1, 65535, func(c *Config) *int { return &c.LoadBalancer.HealthCheckPort }),
	},
	{
		flag: "load-balancer-audit-period", fallback: "10m",
		help: "How often load balancers are compared with what they should be.",
		set:  duration(time.Minute, func(c *Config) *time.Duration { return &c.LoadBalancer.AuditPeriod }),
	},
	{
		flag: "dry-run", fallback: "false",
		help: "Print what would be done and exit. Nothing is written, neither to the cloud nor to Kubernetes.",
		set:  boolean(func(c *Config) *bool { return &c.DryRun }),
	},
}
