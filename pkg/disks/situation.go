package disks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
	"github.com/kube-aliyun/kube-aliyun/pkg/servers"
)

// target is where an attach goes.
type target struct {
	node   *corev1.Node
	server ecs.Server
}

// target finds the server of a Node.
func (v *Volumes) target(ctx context.Context, name string) (target, error) {
	node, err := v.node(ctx, name)
	switch {
	case err != nil:
		return target{}, err
	case node == nil:
		return target{}, fmt.Errorf("there is no Node %s", name)
	}
	server, err := v.opts.Servers.Get(ctx, node, servers.DefaultMaxAge)
	if err != nil {
		return target{}, fmt.Errorf("no server is known for Node %s: %w", name, err)
	}
	return target{node: node, server: server}, nil
}

// situation gathers what the decision rests on. The disk's reading is given; Nodes
// and Pods are read now, where the disk is somewhere else.
func (v *Volumes) situation(ctx context.Context, vol *volume, to target, disk *ecs.Disk) (Situation, error) {
	s := Situation{DiskID: vol.disk, Region: v.opts.Region, Disk: disk, Target: to.server, TargetNode: to.node.Name}
	if disk == nil || disk.Status != ecs.DiskInUse || disk.AttachedTo(to.server.ID) {
		return s, nil
	}
	for _, server := range disk.Attachments {
		holder, err := v.holder(ctx, vol, disk, server)
		if err != nil {
			return Situation{}, fmt.Errorf("disk %s is attached to server %s; finding out whether it is in use there: %w", disk.ID, server, err)
		}
		s.Holders = append(s.Holders, holder)
	}
	return s, nil
}

// holder says what is known of a server that has the disk.
func (v *Volumes) holder(ctx context.Context, vol *volume, disk *ecs.Disk, server string) (Holder, error) {
	all, err := v.opts.Servers.All(ctx, servers.DefaultMaxAge)
	if err != nil {
		return Holder{}, err
	}
	names, err := v.names(disk.ID, vol.name)
	if err != nil {
		return Holder{}, err
	}
	for node, result := range all {
		if result.Server.ID != server {
			continue
		}
		h, found, err := v.member(ctx, node, server, disk, names)
		if err != nil {
			return Holder{}, err
		}
		if found {
			if result.Err != nil && h.Use == "" {
				h.Use = result.Err.Error()
			}
			return h, nil
		}
	}
	remembered, ok := v.remembered(vol.pv, disk, server)
	if !ok {
		return Holder{Server: server}, nil
	}
	off, err := v.off(ctx, server)
	if err != nil {
		return Holder{}, err
	}
	return Holder{Server: server, Membership: Former, Node: remembered.Node, Off: off}, nil
}

// member reads the Node behind a server; found is false when there is none any more.
func (v *Volumes) member(ctx context.Context, name, server string, disk *ecs.Disk, names []string) (h Holder, found bool, err error) {
	node, err := v.node(ctx, name)
	if err != nil || node == nil {
		return Holder{}, false, err
	}
	h = Holder{Server: server, Membership: Member, Node: name, Ready: ready(node), OutOfService: outOfService(node)}
	if h.Use = onBooks(node, names); h.Use != "" {
		return h, true, nil
	}
	pods, err := v.pods(ctx, name)
	if err != nil {
		return Holder{}, false, err
	}
	pvs, err := v.referring(disk.ID)
	if err != nil {
		return Holder{}, false, err
	}
	for i := range pods {
		if uses(&pods[i], disk.ID, names, pvs) {
			h.Use = fmt.Sprintf("Pod %s/%s uses it", pods[i].Namespace, pods[i].Name)
			break
		}
	}
	return h, true, nil
}

// uses reports whether a Pod has the disk, by a claim or by itself.
func uses(p *corev1.Pod, disk string, names []string, pvs []*corev1.PersistentVolume) bool {
	for name, named := range inline(p) {
		if named == disk || slices.Contains(names, name) {
			return true
		}
	}
	return slices.ContainsFunc(pvs, func(pv *corev1.PersistentVolume) bool { return usesClaimOf(p, pv) })
}

// names are those by which Kubernetes may know the disk.
func (v *Volumes) names(disk, asked string) ([]string, error) {
	pvs, err := v.referring(disk)
	if err != nil {
		return nil, err
	}
	names := []string{disk, asked}
	for _, pv := range pvs {
		names = append(names, pv.Name)
	}
	return names, nil
}

// onBooks says which list of the Node's status holds the disk's volume; empty: none.
func onBooks(node *corev1.Node, names []string) string {
	for _, used := range node.Status.VolumesInUse {
		if isVolume(used, names) {
			return fmt.Sprintf("the Node's status says that %s is mounted there (volumesInUse)", used)
		}
	}
	for _, attached := range node.Status.VolumesAttached {
		if isVolume(attached.Name, names) {
			return fmt.Sprintf("the Node's status says that %s belongs there (volumesAttached)", attached.Name)
		}
	}
	return ""
}

// isVolume compares with the unique name that Kubernetes gives to a volume.
func isVolume(unique corev1.UniqueVolumeName, names []string) bool {
	name, ours := strings.CutPrefix(string(unique), Driver+"/")
	return ours && slices.Contains(names, name)
}

func ready(node *corev1.Node) bool {
	for i := range node.Status.Conditions {
		if c := &node.Status.Conditions[i]; c.Type == corev1.NodeReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

func outOfService(node *corev1.Node) bool {
	return slices.ContainsFunc(node.Spec.Taints, func(t corev1.Taint) bool { return t.Key == corev1.TaintNodeOutOfService })
}

// off reports whether a server is stopped, or proven not to exist.
func (v *Volumes) off(ctx context.Context, server string) (bool, error) {
	found, err := v.opts.Cloud.Servers(ctx, ecs.Filter{IDs: []string{server}})
	if err != nil {
		return false, err
	}
	if len(found) > 0 {
		return found[0].Status == ecs.Stopped, nil
	}
	exists, err := v.opts.Cloud.ServerExists(ctx, server)
	return !exists && err == nil, err
}

// remembered says for which Node of this cluster the disk was attached to a
// server: the PersistentVolume's annotation says so, or the disk's tags.
func (v *Volumes) remembered(pv *corev1.PersistentVolume, disk *ecs.Disk, server string) (ownership.Attachment, bool) {
	for _, a := range v.memories(pv, disk) {
		if a.ServerID == server {
			return a, true
		}
	}
	return ownership.Attachment{}, false
}

// memories are what the annotation and the tags hold.
func (v *Volumes) memories(pv *corev1.PersistentVolume, disk *ecs.Disk) []ownership.Attachment {
	var all []ownership.Attachment
	if pv != nil {
		if a, ok := ownership.ReadAttachment(pv.Annotations[AnnotationAttachment], v.opts.ClusterID); ok {
			all = append(all, a)
		}
	}
	if disk != nil {
		if a, ok := ownership.ParseAttachment(disk.Tags, v.opts.ClusterID); ok {
			all = append(all, a)
		}
	}
	return all
}

// serverOf finds the server of a Node that may be gone. unknown says that nobody
// knows it.
func (v *Volumes) serverOf(ctx context.Context, node *corev1.Node, maxAge time.Duration) (server ecs.Server, known bool, err error) {
	if node == nil {
		return ecs.Server{}, false, nil
	}
	server, err = v.opts.Servers.Get(ctx, node, maxAge)
	var absent *servers.AbsentError
	switch {
	case err == nil:
		return server, true, nil
	case errors.As(err, &absent):
		// The server is not listed, but its id is known: the disk says the rest.
		return ecs.Server{ID: absent.Server}, absent.Server != "", nil
	}
	return ecs.Server{}, false, fmt.Errorf("find the server of Node %s: %w", node.Name, err)
}
