package provisioner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

// provisionLimit bounds one try; the next one finds the disk by its tags.
const provisionLimit = 2 * time.Minute

// Provision makes the disk of a claim, or finds the one that an earlier try has
// made, and returns its PersistentVolume. The state tells whether a disk may be in
// the making although there is an error.
func (p *Provisioner) Provision(ctx context.Context, o controller.ProvisionOptions) (*corev1.PersistentVolume, controller.ProvisioningState, error) {
	ctx, cancel := context.WithTimeout(ctx, provisionLimit)
	defer cancel()
	if err := checkClaim(o.PVC); err != nil {
		return nil, p.refused(o), err
	}
	params, err := readParameters(o.StorageClass.Parameters, p.Region)
	if err != nil {
		return nil, p.refused(o), fmt.Errorf("StorageClass %s is wrong, correct it: %w", o.StorageClass.Name, err)
	}
	zones, err := p.zonesFor(o, params)
	switch {
	case errors.Is(err, errElsewhere):
		return nil, p.elsewhere(o), err
	case errors.Is(err, errNodeZone):
		return nil, controller.ProvisioningNoChange, err
	case err != nil:
		return nil, p.refused(o), err
	}
	wanted, err := p.plan(o, params, zones)
	if err != nil {
		return nil, p.refused(o), err
	}
	d, err := p.existing(ctx, o, wanted)
	if err != nil {
		return nil, controller.ProvisioningNoChange, err
	}
	id := d.ID
	if id == "" {
		var state controller.ProvisioningState
		if id, state, err = p.create(ctx, o, wanted); err != nil {
			return nil, state, err
		}
		p.doubt(o.PVName)
	}
	if d, err = p.await(ctx, id); err != nil {
		return nil, controller.ProvisioningInBackground, err
	}
	p.trust(o.PVName)
	return p.volume(o, params, d), controller.ProvisioningFinished, nil
}

// checkClaim refuses what a FlexVolume cannot be. Block volumes are refused by the
// library.
func checkClaim(claim *corev1.PersistentVolumeClaim) error {
	var problems []error
	for _, mode := range claim.Spec.AccessModes {
		if mode != corev1.ReadWriteOnce {
			problems = append(problems, fmt.Errorf("access mode %s: a disk has ReadWriteOnce alone; set accessModes: [ReadWriteOnce] in the claim", mode))
		}
	}
	if claim.Spec.Selector != nil {
		problems = append(problems, errors.New("a selector finds existing volumes, none is made for it; remove the selector or the StorageClass from the claim"))
	}
	if claim.Spec.DataSource != nil || claim.Spec.DataSourceRef != nil {
		problems = append(problems, errors.New("a data source is not supported; the parameter snapshotId of a StorageClass makes disks out of a snapshot"))
	}
	if claim.Spec.VolumeMode != nil && *claim.Spec.VolumeMode == corev1.PersistentVolumeBlock {
		problems = append(problems, errors.New("volumeMode Block is not possible with FlexVolume; set volumeMode: Filesystem in the claim"))
	}
	return errors.Join(problems...)
}

// refused is the state after a mistake that only people can mend: final, unless a
// disk may have been made before the mistake was.
func (p *Provisioner) refused(o controller.ProvisionOptions) controller.ProvisioningState {
	if p.doubted(o.PVName) {
		return controller.ProvisioningInBackground
	}
	return controller.ProvisioningFinished
}

// elsewhere asks the scheduler for another Node, if there is one to choose and no
// disk can be in the making.
func (p *Provisioner) elsewhere(o controller.ProvisionOptions) controller.ProvisioningState {
	if o.SelectedNodeName == "" {
		return p.refused(o)
	}
	if p.doubted(o.PVName) {
		return controller.ProvisioningInBackground
	}
	return controller.ProvisioningReschedule
}

// plan lists the disks that would do, the best first.
func (p *Provisioner) plan(o controller.ProvisionOptions, params parameters, zones []string) ([]ecs.NewDisk, error) {
	request := o.PVC.Spec.Resources.Requests[corev1.ResourceStorage]
	limit, limited := o.PVC.Spec.Resources.Limits[corev1.ResourceStorage]
	var wanted []ecs.NewDisk
	var problems []error
	for _, category := range params.categories {
		tried := []string{""}
		if category == categoryESSD && len(params.levels) > 0 {
			tried = params.levels
		}
		for _, level := range tried {
			size, err := sizeFor(category, level, request)
			if err == nil && limited && int64(size)*gib > limit.Value() {
				err = fmt.Errorf("disks of category %s %s have at least %dGi, the claim's limit is %s", category, level, size, limit.String())
			}
			if err != nil {
				problems = append(problems, err)
				continue
			}
			wanted = append(wanted, p.candidates(o, params, zones, category, level, size)...)
		}
	}
	if len(wanted) == 0 {
		return nil, fmt.Errorf("no disk fits the claim: %w", errors.Join(problems...))
	}
	return wanted, nil
}

// candidates are the disks of one kind, one for each zone.
func (p *Provisioner) candidates(o controller.ProvisionOptions, params parameters, zones []string, category, level string, size int) []ecs.NewDisk {
	tags := p.claim(o).Tags()
	for key, value := range params.tags {
		tags[key] = value
	}
	n := ecs.NewDisk{
		Name: o.PVName, Description: "Kubernetes claim " + o.PVC.Namespace + "/" + o.PVC.Name, Category: category, PerformanceLevel: level,
		SizeGiB: size, SnapshotID: params.snapshot, Encrypted: params.encrypted, KMSKeyID: params.kmsKey, ResourceGroupID: params.resourceGroup, Tags: tags,
	}
	if category == categoryAuto {
		n.ProvisionedIOPS, n.Bursting = params.iops, params.bursting
	}
	if category == categoryRegional {
		return []ecs.NewDisk{n}
	}
	all := make([]ecs.NewDisk, 0, len(zones))
	for _, zone := range zones {
		n.Zone = zone
		all = append(all, n)
	}
	return all
}

func (p *Provisioner) claim(o controller.ProvisionOptions) ownership.Volume {
	return ownership.Volume{
		ClusterID: p.ClusterID, ClusterName: p.ClusterName, Name: o.PVName,
		ClaimUID: string(o.PVC.UID), Namespace: o.PVC.Namespace, Claim: o.PVC.Name,
	}
}

// existing is the disk that an earlier try has made for the claim, or one without
// an id. What such a try made that does not fit any more, or made twice, is
// deleted: no volume has it yet.
func (p *Provisioner) existing(ctx context.Context, o controller.ProvisionOptions, wanted []ecs.NewDisk) (ecs.Disk, error) {
	claim := p.claim(o)
	found, err := p.Cloud.Disks(ctx, ecs.DiskFilter{Tags: claim.Search()})
	if err != nil {
		return ecs.Disk{}, fmt.Errorf("look for a disk of this claim: %w", err)
	}
	found = slices.DeleteFunc(found, func(d ecs.Disk) bool { return !claim.Made(d.Tags) })
	slices.SortFunc(found, func(a, b ecs.Disk) int { return cmp.Compare(a.ID, b.ID) })
	keep := slices.IndexFunc(found, func(d ecs.Disk) bool { return len(d.Attachments) > 0 })
	if keep < 0 {
		keep = slices.IndexFunc(found, func(d ecs.Disk) bool { return fits(d, wanted) })
	}
	for i, d := range found {
		if i == keep || len(d.Attachments) > 0 {
			continue
		}
		if err := p.discard(ctx, o.PVName, d.ID); err != nil {
			return ecs.Disk{}, fmt.Errorf("remove a disk that an earlier try has made for this claim and that does not fit: %w", err)
		}
	}
	if keep < 0 {
		return ecs.Disk{}, nil
	}
	return found[keep], nil
}

// discard deletes a disk of the claim that no volume has.
func (p *Provisioner) discard(ctx context.Context, volume, disk string) error {
	pv, err := p.Live.Get(ctx, volume, metav1.GetOptions{})
	switch {
	case err == nil:
		return fmt.Errorf("PersistentVolume %s exists already", pv.Name)
	case !apierrors.IsNotFound(err):
		return fmt.Errorf("read PersistentVolume %s: %w", volume, err)
	}
	if err := p.Cloud.DeleteDisk(ctx, disk); err != nil {
		return err
	}
	p.lose(disk)
	return nil
}

// fits says whether a disk is one of those that would be created now.
func fits(d ecs.Disk, wanted []ecs.NewDisk) bool {
	return slices.ContainsFunc(wanted, func(n ecs.NewDisk) bool {
		return n.Category == d.Category && (n.Zone == "" || n.Zone == d.Zone) && d.SizeGiB >= n.SizeGiB &&
			(n.PerformanceLevel == "" || n.PerformanceLevel == d.PerformanceLevel) && n.SnapshotID == d.SourceSnapshotID
	})
}

// await waits until a disk is Available, or in use. One that does not come to be
// seen is lost.
func (p *Provisioner) await(ctx context.Context, id string) (ecs.Disk, error) {
	unseenUntil := p.Clock.Now().Add(indexLag)
	for {
		d, err := p.Disks.Disk(ctx, id) // paced by the reader
		switch {
		case ctx.Err() != nil:
			return ecs.Disk{}, fmt.Errorf("disk %s is being created: %w", id, context.Cause(ctx))
		case err != nil && !apierror.IsRetryable(err):
			return ecs.Disk{}, fmt.Errorf("wait for disk %s: %w", id, err)
		case err == nil && d != nil && d.Status != ecs.DiskCreating:
			return *d, nil
		case err == nil && d == nil && p.Clock.Now().After(unseenUntil):
			p.lose(id)
			return ecs.Disk{}, fmt.Errorf("disk %s was created and is not there; another one is created", id)
		}
	}
}
