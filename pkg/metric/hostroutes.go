package metric

// Metrics of hostroutes, which serves them itself, at --health-address.
var (
	HostroutesRoutes = NewGauge("hostroutes_routes",
		"Of hostroutes: routes by state: desired, installed, held (to be removed once that is confirmed), shadowed (without effect because of a route of others) and foreign (of others, in the main table).",
		"hostroutes：按状态统计的路由数：desired（期望）、installed（已安装）、held（待确认后删除）、shadowed（被他人路由遮蔽而无效）和 foreign（主路由表中不属于 hostroutes 的路由）。",
		"state")
	HostroutesSkipped = NewGauge("hostroutes_skipped_ranges",
		"Of hostroutes: ranges of Nodes without a route, by reason.",
		"hostroutes：没有路由的节点网段数，按原因统计。",
		"reason")
	HostroutesChanges = NewCounter("hostroutes_changes_total",
		"Of hostroutes: routes and rules written to the kernel, by operation (add, append, delete or rules) and result (success or error).",
		"hostroutes：写入内核的路由与规则数，按操作（add、append、delete 或 rules）与结果（success 或 error）统计。",
		"operation", "result")
	HostroutesPasses = NewHistogram("hostroutes_pass_duration_seconds",
		"Of hostroutes: time of a comparison of wanted and actual routes with the changes that follow, by outcome (changed, noop, waiting or error).",
		"hostroutes：一次比对期望与实际路由并完成变更所用的时间，按结果（changed、noop、waiting 或 error）统计。",
		[]float64{0.001, 0.005, 0.02, 0.1, 0.5, 2, 10}, "outcome")
	HostroutesLost = NewCounter("hostroutes_resubscriptions_total",
		"Of hostroutes: times that the kernel's news were lost or cut off, after which everything was read anew.",
		"hostroutes：内核通知丢失或中断（随后全部重新读取）的次数。")
	HostroutesEffective = NewGauge("hostroutes_pod_routes_effective",
		"Of hostroutes, with --self-test-interval: 1 when other Nodes' Pod ranges answer, 0 when none does although their servers do, -1 when it cannot be told.",
		"hostroutes，启用 --self-test-interval 时：其他节点的 Pod 网段有应答为 1；服务器有应答而其 Pod 网段均无应答为 0；无法判断为 -1。")
	HostroutesProbes = NewCounter("hostroutes_probes_total",
		"Of hostroutes, with --self-test-interval: probes of other Nodes' Pod ranges, by result (success, failure, or unknown when the server does not answer either).",
		"hostroutes，启用 --self-test-interval 时：对其他节点 Pod 网段的探测次数，按结果统计（success、failure；服务器本身也无应答时为 unknown）。",
		"result")
)
