package rig

import (
	"context"
	"path/filepath"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/volumesocket/wire"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
	simecs "github.com/kube-aliyun/kube-aliyun/test/aliyunsim/ecs"
)

// Socket is where a replica started with --volume-socket=Socket() serves the
// FlexVolume driver.
func (r *Rig) Socket() string { return filepath.Join(r.dir, "volumes", "volumes.sock") }

// Disk adds a free data disk of a server's zone to the region.
func (r *Rig) Disk(id string, server int) {
	r.T.Helper()
	zone := "cn-hangzhou-h"
	if server%2 == 0 { // SmallRegion puts its servers in two zones by turns
		zone = "cn-hangzhou-i"
	}
	now := r.Sim.Now()
	r.Sim.Do(func(region *aliyunsim.Region) {
		if _, err := region.ECS.AddDisk(now, simecs.DiskSeed{ID: id, Zone: zone}); err != nil {
			r.T.Fatal(err)
		}
	})
}

// DiskOn tells a disk's state and servers, such as "In_use i-1".
func (r *Rig) DiskOn(id string) string {
	r.T.Helper()
	var state struct {
		Disks map[string]struct {
			Attachments []struct{ Server, Status string } `json:"attachments"`
		} `json:"disks"`
	}
	r.product(api.ECS, &state)
	disk, found := state.Disks[id]
	if !found {
		return "gone"
	}
	if len(disk.Attachments) == 0 {
		return "Available"
	}
	var all []string
	for _, a := range disk.Attachments {
		all = append(all, a.Status+" "+a.Server)
	}
	return strings.Join(all, ", ")
}

// Volume makes a PersistentVolume of a disk and a claim of the test's namespace
// that are bound to each other, both of the volume's name.
func (r *Rig) Volume(name, disk string) {
	r.T.Helper()
	class := ""
	size := corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("20Gi")}
	modes := []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}
	claim, err := r.Client.CoreV1().PersistentVolumeClaims(r.Namespace).Create(r.T.Context(), &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: modes, VolumeName: name, StorageClassName: &class, Resources: corev1.VolumeResourceRequirements{Requests: size},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		r.T.Fatal(err)
	}
	_, err = r.Client.CoreV1().PersistentVolumes().Create(r.T.Context(), &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: corev1.PersistentVolumeSpec{
			AccessModes: modes, Capacity: size, PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimRetain,
			ClaimRef: &corev1.ObjectReference{Namespace: r.Namespace, Name: name, UID: claim.UID},
			PersistentVolumeSource: corev1.PersistentVolumeSource{FlexVolume: &corev1.FlexPersistentVolumeSource{
				Driver: "aliyun/flexv", Options: map[string]string{"diskId": disk},
			}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		r.T.Fatal(err)
	}
	r.T.Cleanup(func() { r.deleteVolume(name) })
}

// deleteVolume deletes what Volume made; the namespace's end deletes the claim.
func (r *Rig) deleteVolume(name string) {
	ctx := context.WithoutCancel(r.T.Context())
	err := r.Client.CoreV1().PersistentVolumes().Delete(ctx, name, metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		r.T.Error(err)
	}
}

// VolumePod puts a Pod that uses a claim on a Node.
func (r *Rig) VolumePod(name, claim, node string) {
	r.T.Helper()
	_, err := r.Client.CoreV1().Pods(r.Namespace).Create(r.T.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: corev1.PodSpec{
			NodeName:   node,
			Containers: []corev1.Container{{Name: "c", Image: "localhost/none"}},
			Volumes: []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{
				PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim},
			}}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		r.T.Fatal(err)
	}
}

// DeletePod deletes a Pod at once.
func (r *Rig) DeletePod(name string) {
	r.T.Helper()
	now := int64(0)
	if err := r.Client.CoreV1().Pods(r.Namespace).Delete(r.T.Context(), name, metav1.DeleteOptions{GracePeriodSeconds: &now}); err != nil {
		r.T.Fatal(err)
	}
}

// Ask sends what the FlexVolume driver would send, and returns the failure, or "".
func (r *Rig) Ask(verb wire.Verb, volume, node string) string {
	r.T.Helper()
	reply, err := wire.Call(r.T.Context(), r.Socket(), wire.Request{Verb: verb, Volume: volume, Node: node})
	if err != nil {
		return err.Error()
	}
	return reply.Error
}
