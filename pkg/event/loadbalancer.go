package event

// Events on Services about their load balancers.
var (
	LoadBalancerRefused = register(Reason{
		Name:  "LoadBalancerRefused",
		Type:  Warning,
		Doc:   "The Service asks for something that no load balancer can be, so nothing was changed. The message lists all mistakes; correct them in the Service.",
		DocZH: "Service 的要求无法实现，因此未做任何变更。消息中列出了全部错误，请在 Service 中更正。",
	})
	LoadBalancerReady = register(Reason{
		Name:  "LoadBalancerReady",
		Type:  Normal,
		Doc:   "The Service has a load balancer and its listeners run. The message names it, its address, and how many listeners and servers it has.",
		DocZH: "Service 的负载均衡已创建，监听均已运行。消息中有实例、地址以及监听和服务器的数量。",
	})
	LoadBalancerChanged = register(Reason{
		Name:  "LoadBalancerChanged",
		Type:  Normal,
		Doc:   "The load balancer follows a change of the Service, of Nodes or of Pods. The message lists the steps; servers that came and went are told without number, at most once in five minutes.",
		DocZH: "负载均衡已随 Service、Node 或 Pod 的变化而变更。消息中列出了步骤；服务器的进出只笼统说明，五分钟内最多一次。",
	})
	LoadBalancerWaiting = register(Reason{
		Name:  "LoadBalancerWaiting",
		Type:  Warning,
		Doc:   "The load balancer is not as it should be yet; the message says why. It is tried again by itself, after growing pauses of at most five minutes. While a change of the Service itself waits, the service controller says the same with SyncLoadBalancerFailed.",
		DocZH: "负载均衡暂未达到期望状态，原因见消息。控制器会自动重试，间隔逐渐增大，最长五分钟。若等待的是 Service 自身的变更，则由 service controller 以 SyncLoadBalancerFailed 说明。",
	})
	LoadBalancerNotAsAsked = register(Reason{
		Name:  "LoadBalancerNotAsAsked",
		Type:  Warning,
		Doc:   "Something in the Service has no effect, or another one than it says: an unknown annotation, one that does not fit the others, or a field that the load balancer cannot follow.",
		DocZH: "Service 中的某项设置没有效果或效果不同：未知的注解、与其他设置不符的注解，或负载均衡无法实现的字段。",
	})
	LoadBalancerNoElasticIP = register(Reason{
		Name:  "LoadBalancerNoElasticIP",
		Type:  Warning,
		Doc:   "The Service is to show the elastic IP of its load balancer, and none is bound to it. Until one is, its status shows the load balancer's own address.",
		DocZH: "Service 应显示负载均衡的弹性公网 IP，但尚未绑定。绑定之前，状态中显示负载均衡自身的地址。",
	})
	LoadBalancerUnchangeable = register(Reason{
		Name:  "LoadBalancerUnchangeable",
		Type:  Warning,
		Doc:   "A setting of the Service cannot be changed on its living load balancer, or a port is held by a listener made by hand. The rest is done; the message names the way out.",
		DocZH: "Service 的某项设置无法在已有的负载均衡上修改，或端口被手工创建的监听占用。其余变更已完成，消息中说明了解决方法。",
	})
	LoadBalancerBackendRejected = register(Reason{
		Name:  "LoadBalancerBackendRejected",
		Type:  Warning,
		Doc:   "The API refuses servers as backends; the load balancer works without them and tries again later. Check that they are running, in the same VPC and within the quota of load balancers per server.",
		DocZH: "云 API 拒绝将某些服务器加入后端；负载均衡在没有它们的情况下工作，稍后会重试。请检查这些服务器是否运行、是否在同一专有网络、是否超出每台服务器的负载均衡数量配额。",
	})
	LoadBalancerEndpointRejected = register(Reason{
		Name:  "LoadBalancerEndpointRejected",
		Type:  Warning,
		Doc:   "The Service sends traffic to Pods, and some of its endpoints cannot be such backends: they are no Pods of its namespace, use their Node's network, or their address belongs to no interface of their Node's server. They are looked at again after a while; the message says what to mend.",
		DocZH: "Service 的流量直达 Pod，但某些端点不能作为后端：不是本命名空间的 Pod、使用了节点网络，或其地址不属于所在服务器的弹性网卡。稍后会再次检查，消息中说明了原因。",
	})
	LoadBalancerGateClosed = register(Reason{
		Name:  "LoadBalancerGateClosed",
		Type:  Warning,
		Doc:   "Pods wait for their readiness gate `service.readiness.alibabacloud.com/<service>`, and the health of the load balancer could not be read or the Pods' condition not be written. It is tried again; the message says what failed.",
		DocZH: "有 Pod 在等待就绪门控 `service.readiness.alibabacloud.com/<service>`，但无法读取负载均衡的健康状态或无法写入 Pod 的状况。会自动重试，失败原因见消息。",
	})
	LoadBalancerDriftRepaired = register(Reason{
		Name:  "LoadBalancerDriftRepaired",
		Type:  Warning,
		Doc:   "Somebody changed the load balancer by hand; the message lists what was set right again. Change the Service instead.",
		DocZH: "有人手工修改了负载均衡；消息中列出了已恢复的内容。请改为修改 Service。",
	})
	LoadBalancerVanished = register(Reason{
		Name:  "LoadBalancerVanished",
		Type:  Warning,
		Doc:   "The load balancer was deleted by hand. A new one is created; its address may be another.",
		DocZH: "负载均衡被手工删除，正在重新创建，其地址可能改变。",
	})
	LoadBalancerNotOurs = register(Reason{
		Name:  "LoadBalancerNotOurs",
		Type:  Warning,
		Doc:   "A load balancer that belonged to the Service, or has its address, is not marked as the Service's. It is left alone; restore its tags to keep it, or delete it.",
		DocZH: "曾属于该 Service 或占有其地址的负载均衡没有该 Service 的标记，因此不会被改动。如需保留请恢复其标签，否则请删除它。",
	})
	LoadBalancerDuplicateDeleted = register(Reason{
		Name:  "LoadBalancerDuplicateDeleted",
		Type:  Warning,
		Doc:   "The Service had more than one load balancer, after a crash or a lost answer; all but the one in use were deleted.",
		DocZH: "由于崩溃或应答丢失，该 Service 有多个负载均衡；除使用中的一个外，其余已删除。",
	})
	LoadBalancerFamilyUnavailable = register(Reason{
		Name:  "LoadBalancerFamilyUnavailable",
		Type:  Warning,
		Doc:   "The Service prefers two address families (PreferDualStack), but an IPv6 load balancer cannot be had; the IPv4 one serves. The message says why; the other one is tried again every five minutes, and when Nodes change.",
		DocZH: "Service 优先使用双栈（PreferDualStack），但无法获得 IPv6 负载均衡；IPv4 负载均衡照常服务。消息中说明了原因；每五分钟以及 Node 变化时会重试。",
	})
	LoadBalancerFamilyDropped = register(Reason{
		Name:  "LoadBalancerFamilyDropped",
		Type:  Normal,
		Doc:   "The Service gave up an address family, so the load balancer of that family was deleted; the other one is untouched.",
		DocZH: "Service 去掉了一个地址族，该地址族的负载均衡已删除，另一个不受影响。",
	})
	LoadBalancerTakenOver = register(Reason{
		Name:  "LoadBalancerTakenOver",
		Type:  Normal,
		Doc:   "The load balancer was made for the Service by another controller, and belongs to this one now. It goes on as it is; what the Service does not name stays until the tag kube-aliyun.io/taken-over-from is removed from it.",
		DocZH: "该负载均衡由其他控制器为此 Service 创建，现已归本控制器管理。它保持原样；Service 未指定的设置会一直保留，直到移除其 kube-aliyun.io/taken-over-from 标签。",
	})
	LoadBalancerTakeOverWaits = register(Reason{
		Name:  "LoadBalancerTakeOverWaits",
		Type:  Warning,
		Doc:   "The load balancer was made for the Service by another controller, which still works: its lock was renewed in the last minute. Nothing is changed until that controller is stopped.",
		DocZH: "该负载均衡由其他控制器为此 Service 创建，而该控制器仍在运行：它的锁在最近一分钟内续期过。在停止该控制器之前不会做任何变更。",
	})
	LoadBalancerPreserved = register(Reason{
		Name:  "LoadBalancerPreserved",
		Type:  Normal,
		Doc:   "The Service was deleted, and its load balancer is kept as the Service asked for. It belongs to nobody any more, and costs until it is deleted by hand.",
		DocZH: "Service 已删除，其负载均衡按 Service 的要求保留。它不再属于任何 Service，在手工删除之前会持续计费。",
	})
	LoadBalancerOrphaned = register(Reason{
		Name:  "LoadBalancerOrphaned",
		Type:  Warning,
		Doc:   "A load balancer of this cluster belongs to a Service that does not exist or wants none. It is left alone; delete it by hand, or let the controller delete such ones.",
		DocZH: "集群的某个负载均衡所属的 Service 已不存在或不再需要它。它不会被改动；请手工删除，或允许控制器删除此类负载均衡。",
	})
	LoadBalancerOrphanDeleted = register(Reason{
		Name:  "LoadBalancerOrphanDeleted",
		Type:  Normal,
		Doc:   "A load balancer of this cluster was deleted because its Service is proven to be gone.",
		DocZH: "集群的某个负载均衡因其 Service 已确认不存在而被删除。",
	})
	ACLOrphaned = register(Reason{
		Name:  "AccessControlListOrphaned",
		Type:  Warning,
		Doc:   "An access control list that the controller made for a Service's source ranges is left over: the Service does not exist or wants no load balancer. It is left alone; delete it by hand, or let the controller delete such ones.",
		DocZH: "控制器为某个 Service 的来源地址段创建的访问控制策略组已无用：该 Service 已不存在或不再需要负载均衡。它不会被改动；请手工删除，或允许控制器删除。",
	})
	ACLOrphanDeleted = register(Reason{
		Name:  "AccessControlListOrphanDeleted",
		Type:  Normal,
		Doc:   "An access control list of the cluster was deleted because its Service is proven to be gone, or has no load balancer that uses it.",
		DocZH: "集群的某个访问控制策略组被删除：其 Service 已确认不存在，或该 Service 没有负载均衡使用它。",
	})
	// SyncLoadBalancerFailed has the name that the framework's service controller
	// gives to the same.
	SyncLoadBalancerFailed = register(Reason{
		Name:  "SyncLoadBalancerFailed",
		Type:  Warning,
		Doc:   "The load balancer of a Service could not be made or deleted; it is tried again after a growing pause. The message tells the reason.",
		DocZH: "无法为 Service 创建或删除负载均衡，会在逐渐加长的间隔后重试。原因见消息。",
	})
)
