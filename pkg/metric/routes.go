package metric

// Metrics of Pod routes. The first has the name and labels that the framework's
// route controller gives it.
var (
	RouteSyncs = NewCounter("route_controller_route_sync_total",
		"Route reconciliations by outcome (changed, noop or error) and trigger (node_change or periodic).",
		"路由调谐次数，按结果（changed、noop 或 error）与触发原因（node_change 或 periodic）统计。",
		"outcome", "trigger")
	RouteChanges = NewCounter("aliyun_route_changes_total",
		"Route entries written, by operation (create, delete or takeover) and result (success or error).",
		"写入的路由条目数，按操作（create、delete 或 takeover）与结果（success 或 error）统计。",
		"operation", "result")
	RouteEntries = NewGauge("aliyun_route_entries",
		"Custom entries in a route table, as last read or written.",
		"路由表中的自定义条目数（最近一次读取或写入时）。",
		"table")
	RoutesUnmarked = NewGauge("aliyun_routes_unmarked",
		"Route entries inside the cluster CIDR that carry no cluster's mark and belong to no Node.",
		"集群网段内既无集群标记、也不属于任何 Node 的路由条目数。",
		"table")
)
