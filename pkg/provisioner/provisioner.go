package provisioner

import (
	"context"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/utils/clock"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
	"github.com/kube-aliyun/kube-aliyun/pkg/event"
)

// Cloud are the ECS calls that volumes need.
type Cloud interface {
	Disks(ctx context.Context, f ecs.DiskFilter) ([]ecs.Disk, error)
	CreateDisk(ctx context.Context, n ecs.NewDisk) (id string, err error)
	DeleteDisk(ctx context.Context, diskID string) error
	ResizeDisk(ctx context.Context, diskID string, sizeGiB int, online bool, clientToken string) error
	CreateSnapshot(ctx context.Context, n ecs.NewSnapshot) (id string, err error)
	Snapshots(ctx context.Context, diskID string, tags map[string]string) ([]ecs.Snapshot, error)
}

// Reader reads one disk as it is now, nil where there is none, in a call that all
// readers of the process share.
type Reader interface {
	Disk(ctx context.Context, id string) (*ecs.Disk, error)
}

// LiveVolumes reads PersistentVolumes past every cache.
type LiveVolumes interface {
	Get(ctx context.Context, name string, options metav1.GetOptions) (*corev1.PersistentVolume, error)
}

// Options are what a Provisioner is made of.
type Options struct {
	Cloud  Cloud
	Disks  Reader
	Nodes  corelisters.NodeLister
	Events *event.Recorder
	// Volumes lists the PersistentVolumes, Live reads one as it is.
	Volumes corelisters.PersistentVolumeLister
	Live    LiveVolumes
	// ClusterID marks the disks; ClusterName is for people and may be empty.
	ClusterID, ClusterName string
	Region                 string
	// Zone is where disks are that nothing else says a zone of; empty for none.
	Zone  string
	Clock clock.PassiveClock
}

// Provisioner makes and deletes disks for claims. It implements the library's
// interface and is safe for concurrent use.
type Provisioner struct {
	Options

	mu sync.Mutex
	// uncertain are the volumes for which a disk may have been created unseen,
	// until when lists may lack it.
	uncertain map[string]time.Time
	// lost are ids of disks that do not exist any more, though a client token may
	// give them back.
	lost map[string]bool
	// missing are disks to delete that a list lacked, and since when.
	missing map[string]time.Time
}

// New returns a Provisioner.
func New(o Options) *Provisioner {
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	return &Provisioner{Options: o, uncertain: map[string]time.Time{}, lost: map[string]bool{}, missing: map[string]time.Time{}}
}

// indexLag is how long lists of disks may lack a new one.
const indexLag = time.Minute

// doubt remembers that a disk may exist that lists do not show yet.
func (p *Provisioner) doubt(volume string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.uncertain[volume] = p.Clock.Now().Add(indexLag)
}

// doubted says whether a list that shows nothing proves nothing.
func (p *Provisioner) doubted(volume string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	until, found := p.uncertain[volume]
	if found && p.Clock.Now().After(until) {
		delete(p.uncertain, volume)
		return false
	}
	return found
}

// trust ends the doubt.
func (p *Provisioner) trust(volume string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.uncertain, volume)
}

// lose remembers that a disk does not exist any more.
func (p *Provisioner) lose(disk string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lost[disk] = true
}

func (p *Provisioner) gone(disk string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lost[disk]
}

// sharers are other volumes that name the same disk.
func (p *Provisioner) sharers(pv *corev1.PersistentVolume, disk string) error {
	all, err := p.Volumes.List(everything)
	if err != nil {
		return fmt.Errorf("list PersistentVolumes: %w", err)
	}
	for _, other := range all {
		if id, ours := diskOf(other); ours && id == disk && other.Name != pv.Name {
			return fmt.Errorf("disk %s is also that of PersistentVolume %s; delete one of the two with reclaim policy Retain", disk, other.Name)
		}
	}
	return nil
}
