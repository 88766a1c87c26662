package event

// Events on PersistentVolumes, and on Nodes where a Pod names the disk itself,
// about disks.
var (
	DiskTakenOver = register(Reason{
		Name:  "DiskTakenOver",
		Type:  Warning,
		Doc:   "The disk was still attached to another server of the cluster, where nothing uses it, and is detached there for the Node that needs it. The message names both and says why it may be.",
		DocZH: "云盘仍挂载在集群的另一台服务器上，但那里已没有使用者，因此从该服务器卸载后挂载到需要它的 Node。消息中说明了双方以及依据。",
	})
	DiskLimitReached = register(Reason{
		Name:  "DiskLimitReached",
		Type:  Warning,
		Doc:   "The Node's server has as many disks as its type takes, so one more is not attached. Run the Pod on another Node; the scheduler does not count these disks.",
		DocZH: "Node 的服务器挂载的云盘已达到其实例规格的上限，无法再挂载。请将 Pod 调度到其他 Node；调度器不会计算这类云盘的数量。",
	})
)
