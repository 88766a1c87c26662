package event

// Events on Nodes about the server behind them.
var (
	ServerClaimedTwice = register(Reason{
		Name: "ServerClaimedTwice",
		Type: Warning,
		Doc:  "Two Nodes claim the same server; neither gets anything from the cloud. Delete the wrong Node, or correct its provider ID or address.",
		DocZH: "两个 Node 指向同一台服务器，二者均不会得到云资源。" +
			"请删除错误的 Node，或更正其 providerID 或地址。",
	})
	ServerCluesDisagree = register(Reason{
		Name: "ServerCluesDisagree",
		Type: Warning,
		Doc:  "Provider ID, name and addresses of the Node do not name one and the same server. Correct the one that is wrong.",
		DocZH: "Node 的 providerID、名称与地址指向的不是同一台服务器。" +
			"请更正其中错误的一项。",
	})
	ServerNotFound = register(Reason{
		Name: "ServerNotFound",
		Type: Warning,
		Doc:  "No server in the VPC fits the Node, so it cannot be initialised. Check region, VPC, the Node's InternalIP and --node-name-type, or set the provider ID.",
		DocZH: "在专有网络中找不到与 Node 相符的服务器，因此无法初始化该 Node。" +
			"请检查地域、专有网络、Node 的 InternalIP 与 --node-name-type，或设置 providerID。",
	})
	ServerLookupDenied = register(Reason{
		Name: "ServerLookupDenied",
		Type: Warning,
		Doc:  "The access key may not list servers, so the Node cannot be initialised. Grant it ecs:DescribeInstances.",
		DocZH: "访问密钥无权列出服务器，因此无法初始化该 Node。" +
			"请授予 ecs:DescribeInstances 权限。",
	})
	ServerInOtherVPC = register(Reason{
		Name: "ServerInOtherVPC",
		Type: Warning,
		Doc:  "The Node's server is in another VPC than the cluster; routes and load balancers cannot reach it. Move the server, or correct the provider ID.",
		DocZH: "Node 的服务器与集群不在同一个专有网络，路由与负载均衡无法到达它。" +
			"请迁移服务器，或更正 providerID。",
	})
	NodeDeletionWithheld = register(Reason{
		Name: "NodeDeletionWithheld",
		Type: Warning,
		Doc:  "The Node's server is missing from listings, but DescribeInstanceAttribute does not say that it is gone, so the Node is kept. Check the permissions of the access key.",
		DocZH: "列表中没有 Node 的服务器，但 DescribeInstanceAttribute 未确认它已释放，因此保留该 Node。" +
			"请检查访问密钥的权限。",
	})
)

// NodeCertificateWithheld is recorded on requests of kubelets for certificates.
var NodeCertificateWithheld = register(Reason{
	Name:  "NodeCertificateWithheld",
	Type:  Warning,
	Doc:   "A server that joins with a bootstrap token, or a Node's kubelet, asks for a certificate that it must not have yet. The message says why; the request is looked at again every ten seconds.",
	DocZH: "凭 bootstrap token 加入的服务器或 Node 的 kubelet 申请的证书暂时不能签发。消息中说明了原因；控制器每十秒重新检查一次。",
})
