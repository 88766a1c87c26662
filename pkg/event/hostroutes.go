package event

// Events of hostroutes on Nodes.
var (
	PodRangeRefused = register(Reason{
		Name:  "PodRangeRefused",
		Type:  Warning,
		Doc:   "By hostroutes: a Pod CIDR of the Node is wrong or overlaps something, so other Nodes have no route to its Pods. The message says what is wrong; mostly the Node is to be deleted and registered anew.",
		DocZH: "hostroutes：该 Node 的某个 Pod 网段有误或与其他网段重叠，因此其他 Node 没有到其 Pod 的路由。原因见消息；通常需要删除该 Node 并重新注册。",
	})
	PodRouteShadowed = register(Reason{
		Name:  "PodRouteShadowed",
		Type:  Warning,
		Doc:   "By hostroutes: routes of somebody else on this Node stand before the routes to Pods. They are left alone; the message names some. Remove them, such as those of the hostroutes of 2017, with `ip route del`.",
		DocZH: "hostroutes：该 Node 上他人添加的路由遮蔽了到 Pod 的路由。hostroutes 不会改动它们，消息中列出了其中几条。请用 `ip route del` 删除它们，例如 2017 年版 hostroutes 留下的路由。",
	})
	PodRouteDeletesHeld = register(Reason{
		Name:  "PodRouteDeletesHeld",
		Type:  Warning,
		Doc:   "By hostroutes: so many Nodes are gone at once that their routes are kept until a second list of the Nodes confirms it.",
		DocZH: "hostroutes：一次消失的 Node 过多，其路由会保留到再次列出 Node 得到确认为止。",
	})
	PodRoutesIneffective = register(Reason{
		Name:  "PodRoutesIneffective",
		Type:  Warning,
		Doc:   "By hostroutes: servers of other Nodes answer, but none of their Pod ranges does, although there are routes. The VPC may ignore routes of hosts, or the source/destination check of network interfaces may be on. Use the routes of the VPC, or switch the check off.",
		DocZH: "hostroutes：其他 Node 的服务器有应答，但虽有路由，其 Pod 网段均无应答。VPC 可能忽略主机上的路由，或弹性网卡的源/目的检查处于开启状态。请改用 VPC 路由，或关闭该检查。",
	})
)
