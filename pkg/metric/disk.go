package metric

// Metrics of disks.
var (
	DiskOperations = NewCounter("aliyun_disk_operations_total",
		"Attaches, detaches and questions whether a disk is attached, by operation and result.",
		"挂载、卸载以及查询云盘是否已挂载的次数，按操作和结果分类。",
		"operation", "result")
	DiskOperationSeconds = NewHistogram("aliyun_disk_operation_seconds",
		"How long attaches, detaches and questions whether a disk is attached took.",
		"挂载、卸载以及查询云盘是否已挂载所用的时间。",
		[]float64{0.05, 0.25, 1, 2, 5, 10, 20, 40, 80, 120},
		"operation")
)
