package metric

// Metrics of load balancers.
var (
	LoadBalancerPasses = NewCounter(
		"aliyun_loadbalancer_passes_total",
		"Passes over a Service's load balancer, by result: unchanged, changed, refused, failed, deleted.",
		"对 Service 负载均衡的处理次数，按结果区分：unchanged、changed、refused、failed、deleted。",
		"result",
	)
	LoadBalancerPassDuration = NewHistogram(
		"aliyun_loadbalancer_pass_duration_seconds",
		"Time of a pass over a Service's load balancer, waiting for its listeners included.",
		"处理一个 Service 负载均衡的时间，包括等待监听就绪。",
		[]float64{0.001, 0.01, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300},
	)
	LoadBalancerDrift = NewCounter(
		"aliyun_loadbalancer_drift_total",
		"Load balancers that were found changed by hand and set right.",
		"被发现遭手工修改并已恢复的负载均衡数。",
	)
	LoadBalancerOrphans = NewGauge(
		"aliyun_loadbalancer_orphans",
		"Load balancers of this cluster without a Service, as of the last audit.",
		"最近一次审计发现的没有 Service 的本集群负载均衡数。",
	)
	ACLOrphans = NewGauge(
		"aliyun_access_control_list_orphans",
		"Access control lists of this cluster without a Service, as of the last audit.",
		"最近一次审计发现的没有 Service 的本集群访问控制策略组数。",
	)
	LoadBalancersManaged = NewGauge(
		"aliyun_loadbalancers",
		"Load balancers that the controller keeps.",
		"控制器所维护的负载均衡数。",
	)
)
