package disks

import (
	"fmt"
	"strings"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
)

// Action is what an attach does next.
type Action int

// The actions.
const (
	// Refuse: nothing is done; Decision.Reason says why.
	Refuse Action = iota
	// Done: the target has the disk.
	Done
	// Wait: the disk is in between two states; look again.
	Wait
	// Attach: the disk is free.
	Attach
	// TakeOver: the disk is detached from Decision.From, where nothing uses it.
	TakeOver
)

// Membership says what a server is to this cluster.
type Membership int

// The memberships.
const (
	// Foreign servers are no Node and were none as far as anybody remembers.
	Foreign Membership = iota
	// Member servers are behind a Node.
	Member
	// Former servers were behind a Node that exists no more.
	Former
)

// Holder is a server that has the disk and is not the target.
type Holder struct {
	Server     string
	Membership Membership
	// Node is its Node, or the one remembered.
	Node string
	// Ready is the Node's condition; OutOfService its taint
	// node.kubernetes.io/out-of-service.
	Ready, OutOfService bool
	// Use says who uses the disk there, or has it on his books; empty: nobody.
	Use string
	// Off says that the server is stopped, or proven to be released.
	Off bool
}

// Situation is all that the decision rests on, read just before.
type Situation struct {
	DiskID string
	Region string
	// Disk is nil where the region holds no such disk.
	Disk   *ecs.Disk
	Target ecs.Server
	// TargetNode is the target's Node.
	TargetNode string
	// Holders are the other servers that have the disk.
	Holders []Holder
}

// Decision is what to do, and why where that needs telling.
type Decision struct {
	Action Action
	// From is the server that loses the disk in a take-over.
	From Holder
	// Reason is a sentence for people: why it is refused, what is waited for, why
	// the disk may be taken over.
	Reason string
}

// Decide says what an attach does next. It never takes a disk away from a server
// that may use it.
func Decide(s Situation) Decision {
	disk := s.Disk
	if disk == nil {
		return refuse("disk %s was not found in region %s: check the id and the region", s.DiskID, s.Region)
	}
	switch disk.Status {
	case ecs.DiskInUse:
	case ecs.DiskAvailable:
		if problem := unfit(s); problem != "" {
			return refuse("%s", problem)
		}
		return Decision{Action: Attach}
	default: // on its way to another state, or in one that is not known
		return Decision{Action: Wait, Reason: fmt.Sprintf("disk %s is %s", disk.ID, disk.Status)}
	}
	switch {
	case disk.AttachedTo(s.Target.ID):
		return Decision{Action: Done}
	case len(disk.Attachments) == 0 || len(s.Holders) == 0:
		return Decision{Action: Wait, Reason: fmt.Sprintf("disk %s is in use, but where is not told yet", disk.ID)}
	}
	if problem := unfit(s); problem != "" {
		return refuse("%s", problem)
	}
	var free Decision
	for _, holder := range s.Holders {
		decision := decideHolder(s, holder)
		if decision.Action == Refuse {
			return decision
		}
		free = decision
	}
	return free
}

// unfit says why the disk cannot be attached to the target wherever it is now.
func unfit(s Situation) string {
	disk := s.Disk
	switch {
	case disk.System:
		return fmt.Sprintf("disk %s is a system disk; only data disks are attached", disk.ID)
	case len(disk.Locks) > 0:
		return fmt.Sprintf("disk %s is locked by Alibaba Cloud (%s): unlock it, for example by paying what is due",
			disk.ID, strings.Join(disk.Locks, ", "))
	case disk.Zone != "" && s.Target.Zone != "" && disk.Zone != s.Target.Zone && disk.Category != regionalDisk:
		return fmt.Sprintf("disk %s is in zone %s and server %s of node %s in zone %s: "+
			"give the PersistentVolume a node affinity, or the Pod a node selector, for the disk's zone",
			disk.ID, disk.Zone, s.Target.ID, s.TargetNode, s.Target.Zone)
	}
	return ""
}

// regionalDisk is the category of disks that every zone of a region can attach.
const regionalDisk = "cloud_regional_disk_auto"

// decideHolder says whether the disk may be taken from one server that has it.
func decideHolder(s Situation, h Holder) Decision {
	id := s.Disk.ID
	if !s.Disk.Portable {
		return refuse("disk %s is bound to server %s, since it is not portable: subscription disks cannot be moved", id, h.Server)
	}
	switch h.Membership {
	case Member:
		switch {
		case h.OutOfService:
			return takeOver(h, "node %s is declared out of service", h.Node)
		case h.Use != "":
			return refuse("disk %s is attached to server %s, node %s, and in use there: %s", id, h.Server, h.Node, h.Use)
		case !h.Ready:
			return refuse("disk %s is attached to server %s, and node %s is not ready, so that nobody knows whether it uses the disk: "+
				"delete the node after its server is stopped, or taint it node.kubernetes.io/out-of-service", id, h.Server, h.Node)
		}
		return takeOver(h, "node %s is ready and neither it nor any of its Pods uses the disk", h.Node)
	case Former:
		if h.Off {
			return takeOver(h, "node %s was deleted and its server is stopped or released", h.Node)
		}
		return refuse("disk %s is attached to server %s, whose node %s was deleted, but the server runs and may use the disk: "+
			"stop the server or detach the disk by hand", id, h.Server, h.Node)
	case Foreign:
	}
	return refuse("disk %s is attached to server %s, which is no node of this cluster: detach it there if it is not needed any more", id, h.Server)
}

func refuse(format string, args ...any) Decision {
	return Decision{Action: Refuse, Reason: fmt.Sprintf(format, args...)}
}

func takeOver(h Holder, format string, args ...any) Decision {
	return Decision{Action: TakeOver, From: h, Reason: fmt.Sprintf(format, args...)}
}
