package diskrules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

// call is a request that changes a disk. server is empty where it concerns none.
type call struct{ action, disk, server string }

// facts are what holds when the call arrives.
type facts struct {
	cluster string
	// exists says that there is the disk; servers have it, and these are its tags.
	exists, multiAttach bool
	servers             []string
	tags                map[string]string
	// member says that the server is or was that of a Node of the cluster, down that
	// it is stopped, gone, or its Node declared out of service.
	member, down bool
	// uses say who uses the disk on the server.
	uses []string
	// volumes are the PersistentVolumes that name the disk.
	volumes []volume
}

// volume is a PersistentVolume; doomed says that its disk is to go with it.
type volume struct {
	name   string
	doomed bool
}

// judge says what is wrong with a call; empty: nothing.
func judge(c call, f facts) string {
	if !f.exists {
		return ""
	}
	if owner := f.tags[ownership.TagClusterID]; owner != "" && owner != f.cluster && f.tags[ownership.TagAllow] == "" {
		return "the disk belongs to cluster " + owner
	}
	switch c.action {
	case "AttachDisk":
		if others := slices.DeleteFunc(slices.Clone(f.servers), func(s string) bool { return s == c.server }); len(others) > 0 && !f.multiAttach {
			return "a second attachment: the disk is on " + strings.Join(others, ", ")
		}
	case "DetachDisk":
		switch {
		case !slices.Contains(f.servers, c.server):
		case !f.member:
			return "server " + c.server + " is not of the cluster"
		case !f.down && len(f.uses) > 0:
			return "the disk is in use there: " + strings.Join(f.uses, "; ")
		}
	case "DeleteDisk":
		if len(f.servers) > 0 {
			return "the disk is attached to " + strings.Join(f.servers, ", ")
		}
		for _, v := range f.volumes {
			if !v.doomed {
				return "the disk is that of PersistentVolume " + v.name + ", which is to keep it"
			}
		}
	}
	return ""
}

// twice says which disk has two servers, or which volume two disks; empty: none.
func twice(disks []disk) string {
	made := map[string]string{}
	for _, d := range disks {
		if len(d.Servers) > 1 && !d.MultiAttach {
			return fmt.Sprintf("disk %s is attached to %s", d.ID, strings.Join(d.Servers, ", "))
		}
		claim := d.Tags[ownership.TagClaimUID]
		if claim == "" {
			continue
		}
		if other := made[claim]; other != "" {
			return fmt.Sprintf("disks %s and %s were both made for claim %s", other, d.ID, d.Tags[ownership.TagClaim])
		}
		made[claim] = d.ID
	}
	return ""
}
