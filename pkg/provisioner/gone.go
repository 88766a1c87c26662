package provisioner

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
)

const (
	// missingFor is how far apart the two lists are that have to lack a disk
	// before it is taken for gone.
	missingFor = time.Minute
	// witnesses is how many other disks are asked for at most beside a missing one.
	witnesses = 20
)

// proveGone returns nil when a disk that a list lacks does not exist: DeleteDisk
// does not tell (the API accepts it for disks that are not there), and an account
// whose rights were cut gets empty lists too. Two lists, missingFor apart, have to
// lack the disk and to hold one of the other volumes' disks, if there are any.
func (p *Provisioner) proveGone(ctx context.Context, pv *corev1.PersistentVolume, disk string) error {
	if p.gone(disk) {
		return nil
	}
	others, err := p.otherDisks(disk)
	if err != nil {
		return err
	}
	if len(others) > 0 {
		found, err := p.Cloud.Disks(ctx, ecs.DiskFilter{IDs: append(others, disk)})
		switch {
		case err != nil:
			return fmt.Errorf("look once more for the disk of PersistentVolume %s: %w", pv.Name, err)
		case slices.ContainsFunc(found, func(d ecs.Disk) bool { return d.ID == disk }):
			return fmt.Errorf("disk %s of PersistentVolume %s was not listed and is there now; trying again", disk, pv.Name)
		case len(found) == 0:
			return fmt.Errorf("the cloud shows neither disk %s of PersistentVolume %s nor any disk of the other volumes, so nothing is known of it: "+
				"see whether the controller's account still has the right ecs:DescribeDisks for them", disk, pv.Name)
		}
	}
	if left := missingFor - p.Clock.Since(p.missed(disk)); left > 0 {
		return fmt.Errorf("disk %s of PersistentVolume %s is not listed any more; the volume is removed when it is still missing in %s",
			disk, pv.Name, left.Round(time.Second))
	}
	p.lose(disk)
	p.seen(disk)
	return nil
}

// otherDisks are some disks of other volumes of our driver.
func (p *Provisioner) otherDisks(disk string) ([]string, error) {
	all, err := p.Volumes.List(everything)
	if err != nil {
		return nil, fmt.Errorf("list PersistentVolumes: %w", err)
	}
	var others []string
	for _, pv := range all {
		id, ours := diskOf(pv)
		if ours && ecs.IsDiskID(id) && id != disk && pv.DeletionTimestamp == nil && !slices.Contains(others, id) {
			others = append(others, id)
		}
		if len(others) == witnesses {
			break
		}
	}
	return others, nil
}

// missed remembers that a list lacked a disk, and returns since when.
func (p *Provisioner) missed(disk string) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	since, known := p.missing[disk]
	if !known {
		since = p.Clock.Now()
		p.missing[disk] = since
	}
	return since
}

// seen ends what missed began.
func (p *Provisioner) seen(disk string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.missing, disk)
}
