package event

// Events on PersistentVolumes about the size of their disks.
var (
	DiskGrown = register(Reason{
		Name:  "DiskGrown",
		Type:  Normal,
		Doc:   "The disk of the PersistentVolume has the size that the volume says. The file system follows when kubelet calls the driver's expandfs.",
		DocZH: "PersistentVolume 的磁盘已扩容到所要求的大小，随后 kubelet 通过驱动的 expandfs 扩展文件系统。",
	})
	DiskNotGrown = register(Reason{
		Name:  "DiskNotGrown",
		Type:  Warning,
		Doc:   "The disk of the PersistentVolume is smaller than the volume says and could not be grown, or is not this cluster's to grow. The message has the API's answer or what to do; the claim goes on waiting.",
		DocZH: "PersistentVolume 的磁盘小于其声明的容量，但扩容失败，或该磁盘不属于本集群。消息中有 API 的应答或处理办法；PVC 继续等待。",
	})
)
