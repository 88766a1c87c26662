package network

// Disk is a cloud disk; system disks are in no Network, as servers have none here.
type Disk struct {
	ID string
	// Serial is what servers see; some old disks have none.
	Serial string
	// Uses are the servers that see the disk now.
	Uses []DiskUse
}

// DiskUse is a disk on a server.
type DiskUse struct {
	Server string
	// Size is what the server's kernel has been told, in bytes.
	Size int64
	// NVMe says how the disk shows itself: an NVMe disk, or one of virtio.
	NVMe bool
}
