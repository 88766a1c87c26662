package event

// Events on Nodes about their Pod routes.
var (
	FailedToCreateRoute = register(Reason{
		Name: "FailedToCreateRoute",
		Type: Warning,
		Doc:  "The route to the Node's Pods could not be created; it is tried again. The message tells the API's answer.",
		DocZH: "无法创建到该 Node 的 Pod 的路由，将会重试。" +
			"API 的答复见消息。",
	})
	RouteQuotaReached = register(Reason{
		Name: "RouteQuotaReached",
		Type: Warning,
		Doc:  "The route table takes no more custom entries, so the Node's Pods are not reachable. Raise the quota in the Quota Center, or remove entries.",
		DocZH: "路由表的自定义条目已达配额，无法到达该 Node 的 Pod。" +
			"请在配额中心提升配额，或删除不用的条目。",
	})
	RouteConflict = register(Reason{
		Name: "RouteConflict",
		Type: Warning,
		Doc:  "A route entry that is not ours has the Node's Pod CIDR and leads elsewhere. It is left alone; delete it, or give the cluster another Pod CIDR.",
		DocZH: "存在不属于本集群的路由条目，其目标网段为该 Node 的 Pod 网段，但下一跳不是该 Node。" +
			"控制器不会修改它；请删除该条目，或为集群更换 Pod 网段。",
	})
	RouteOfOtherCluster = register(Reason{
		Name: "RouteOfOtherCluster",
		Type: Warning,
		Doc:  "The route to the Node's Pods bears the mark of another cluster, which may remove it. Stop the other controller, or clear name and description of the entry to have it taken over.",
		DocZH: "到该 Node 的 Pod 的路由带有另一个集群的标记，可能被其删除。" +
			"请停止另一个控制器，或清除该条目的名称和描述以便接管。",
	})
	RouteReplaced = register(Reason{
		Name:  "RouteReplaced",
		Type:  Normal,
		Doc:   "A route entry with the Node's Pod CIDR led to another server of the cluster or to one that is gone, and was replaced.",
		DocZH: "目标网段为该 Node 的 Pod 网段的路由条目指向集群的另一台服务器或已释放的服务器，已被替换。",
	})
	RouteUnmarked = register(Reason{
		Name: "RouteUnmarked",
		Type: Warning,
		Doc:  "A route entry inside the cluster CIDR leads to the Node's server, carries no cluster's mark and belongs to no Node. Delete it, or start the controller with --delete-unmarked-routes.",
		DocZH: "集群网段内有指向该 Node 服务器的路由条目，既无集群标记，也不属于任何 Node。" +
			"请删除它，或以 --delete-unmarked-routes 启动控制器。",
	})
	PodCIDRCollides = register(Reason{
		Name: "PodCIDRCollides",
		Type: Warning,
		Doc:  "The Node's Pod CIDR overlaps a vSwitch or a range that the cloud reserves, so it cannot be routed. Give the cluster another Pod CIDR.",
		DocZH: "该 Node 的 Pod 网段与交换机或云保留网段重叠，无法设置路由。" +
			"请为集群更换 Pod 网段。",
	})
	PodCIDRClaimedTwice = register(Reason{
		Name: "PodCIDRClaimedTwice",
		Type: Warning,
		Doc:  "Two Nodes have the same Pod CIDR; the older one keeps the route. Delete the younger Node and let it register anew.",
		DocZH: "两个 Node 的 Pod 网段相同，路由归较早的 Node。" +
			"请删除较晚的 Node 并让其重新注册。",
	})
	SourceDestCheckOn = register(Reason{
		Name: "SourceDestCheckOn",
		Type: Warning,
		Doc:  "The source/destination check of the Node's network interface drops the traffic of its Pods. Allow ecs:ModifyNetworkInterfaceAttribute, drop --skip-disable-source-dest-check, or switch the check off by hand. When somebody has switched it on again, this is noticed within --route-reconciliation-period, and mended.",
		DocZH: "该 Node 的弹性网卡启用了源/目的检查，会丢弃其 Pod 的流量。" +
			"请授予 ecs:ModifyNetworkInterfaceAttribute 权限，去掉 --skip-disable-source-dest-check，或手动关闭该检查。" +
			"如果检查之后又被人打开，控制器会在一个 --route-reconciliation-period 周期内发现并重新关闭。",
	})
)
