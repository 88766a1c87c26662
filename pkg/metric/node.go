package metric

// Metrics of the shared snapshot of servers and of the life cycle of Nodes.
var (
	// ServerLookups counts by result: known, fetched, absent, refused, foreign, error.
	ServerLookups = NewCounter("aliyun_server_lookups_total",
		"Look-ups of the server behind a Node, by result: known (answered from the snapshot), fetched (after a listing), absent, refused, foreign or error.",
		"按结果统计的 Node 对应服务器查找次数：known（由快照回答）、fetched（查询云端之后）、absent、refused、foreign 或 error。",
		"result")
	ServerListings = NewCounter("aliyun_server_listings_total",
		"Refreshes of the snapshot of servers, by result: success or error.",
		"服务器快照的刷新次数，按结果统计：success 或 error。",
		"result")
	ServersKnown = NewGauge("aliyun_servers_known",
		"Servers in the snapshot.",
		"快照中的服务器数量。")
	// NodesMissing counts checks of Nodes whose server is missing, by outcome.
	NodesMissing = NewCounter("aliyun_node_missing_server_checks_total",
		"Checks of Nodes whose server no listing holds, by outcome: waiting (the proof is not complete), exists (DescribeInstanceAttribute still knows it), error, or released (the Node is deleted).",
		"对列表中没有其服务器的 Node 的检查次数，按结果统计：waiting（证据尚不完整）、exists（DescribeInstanceAttribute 仍能查到）、error 或 released（删除 Node）。",
		"outcome")
)
