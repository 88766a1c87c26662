package ecs

import (
	"cmp"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"slices"
	"time"
)

// States of a disk, and of its attachment to one server.
const (
	diskCreating  = "Creating"
	diskAvailable = "Available"
	diskAttaching = "Attaching"
	diskInUse     = "In_use"
	diskDetaching = "Detaching"

	diskSystem = "system"
	diskData   = "data"
)

// disk is a cloud disk. Sizes are in GiB.
type disk struct {
	Seq                uint64            `json:"seq"`
	ID                 string            `json:"id"`
	Name               string            `json:"name,omitempty"`
	Description        string            `json:"description,omitempty"`
	Serial             string            `json:"serial,omitempty"`
	Zone               string            `json:"zone"`
	Category           string            `json:"category"`
	PerformanceLevel   string            `json:"performanceLevel,omitempty"`
	Size               int               `json:"size"`
	Type               string            `json:"type"`
	ChargeType         string            `json:"chargeType"`
	Portable           bool              `json:"portable"`
	Encrypted          bool              `json:"encrypted,omitempty"`
	KMSKey             string            `json:"kmsKey,omitempty"`
	MultiAttach        bool              `json:"multiAttach,omitempty"`
	ProvisionedIOPS    int               `json:"provisionedIops,omitempty"`
	Bursting           bool              `json:"bursting,omitempty"`
	SourceSnapshot     string            `json:"sourceSnapshot,omitempty"`
	ResourceGroup      string            `json:"resourceGroup,omitempty"`
	StorageCluster     string            `json:"storageCluster,omitempty"`
	DeleteWithInstance bool              `json:"deleteWithInstance,omitempty"`
	DeletionProtection bool              `json:"deletionProtection,omitempty"`
	Locks              []string          `json:"locks,omitempty"`
	Tags               map[string]string `json:"tags"`
	Attachments        []*diskUse        `json:"attachments,omitempty"`
	EverAttached       bool              `json:"everAttached,omitempty"`
	Created            time.Time         `json:"created"`
	Attached           time.Time         `json:"attached,omitzero"`
	Detached           time.Time         `json:"detached,omitzero"`
	// Ready is when Creating ends.
	Ready time.Time `json:"ready,omitzero"`
	// VisibleFrom and TagsFrom are when lists, and lists by tag, begin to show it.
	VisibleFrom time.Time `json:"visibleFrom,omitzero"`
	TagsFrom    time.Time `json:"tagsFrom,omitzero"`
	// GuestSize is what a server's kernel sees; it becomes Size at Grows, or, when
	// the disk was resized offline, when the server starts the next time.
	GuestSize int       `json:"guestSize"`
	Grows     time.Time `json:"grows,omitzero"`
	// Resized is when the last order to resize ends.
	Resized time.Time `json:"resized,omitzero"`
}

// diskUse ties a disk to a server, from the beginning of Attaching to the end
// of Detaching.
type diskUse struct {
	Server string    `json:"server"`
	Device string    `json:"device"`
	Status string    `json:"status"`
	Since  time.Time `json:"since"`
	Due    time.Time `json:"due,omitzero"`
}

// status is the disk's state as DescribeDisks gives it.
func (d *disk) status() string {
	if !d.Ready.IsZero() {
		return diskCreating
	}
	status := diskAvailable
	for _, a := range d.Attachments {
		if a.Status == diskInUse {
			return diskInUse
		}
		status = a.Status
	}
	return status
}

// on is the disk's attachment to a server, or nil.
func (d *disk) on(server string) *diskUse {
	for _, a := range d.Attachments {
		if a.Server == server {
			return a
		}
	}
	return nil
}

// regional says whether the disk belongs to no zone.
func (d *disk) regional() bool { return d.Category == categoryRegional }

// settleDisk makes every transition of a disk happen that is due at now, and
// returns the time of the next one.
func (p *Product) settleDisk(d *disk, now time.Time) (next time.Time) {
	wait := func(due *time.Time) bool {
		if due.IsZero() {
			return false
		}
		if due.After(now) {
			if next.IsZero() || due.Before(next) {
				next = *due
			}
			return false
		}
		return true
	}
	if wait(&d.Ready) {
		d.Ready = time.Time{}
	}
	if wait(&d.Grows) {
		d.GuestSize, d.Grows = d.Size, time.Time{}
	}
	if wait(&d.Resized) {
		d.Resized = time.Time{}
	}
	for _, a := range slices.Clone(d.Attachments) {
		switch {
		case a.Status == diskDetaching && p.Knobs.DetachNeverEnds:
		case !wait(&a.Due):
		case a.Status == diskAttaching:
			a.Status, a.Since, a.Due = diskInUse, a.Due, time.Time{}
			d.Attached, d.EverAttached = a.Since, true
		case a.Status == diskDetaching:
			p.unplug(d, a, a.Due)
		}
	}
	if !d.moving() {
		delete(p.index.movingDisks, d.ID)
	}
	return next
}

// moving says whether time changes something about the disk.
func (d *disk) moving() bool {
	if !d.Ready.IsZero() || !d.Grows.IsZero() || !d.Resized.IsZero() {
		return true
	}
	return slices.ContainsFunc(d.Attachments, func(a *diskUse) bool { return !a.Due.IsZero() })
}

// plug begins or makes an attachment.
func (p *Product) plug(d *disk, a *diskUse) {
	d.Attachments = append(d.Attachments, a)
	p.index.plugged(a.Server)[d.ID] = d
	if d.GuestSize != d.Size && d.Grows.IsZero() {
		d.GuestSize = d.Size
	}
}

// unplug ends an attachment. ECS forgets DeleteWithInstance then.
func (p *Product) unplug(d *disk, a *diskUse, at time.Time) {
	d.Attachments = slices.DeleteFunc(d.Attachments, func(other *diskUse) bool { return other == a })
	if len(d.Attachments) == 0 {
		d.Attachments = nil
	}
	d.Detached, d.DeleteWithInstance = at, false
	p.index.unplugged(a.Server, d.ID)
}

// disturb enters a disk into those that time moves, and settles it.
func (p *Product) disturb(d *disk, now time.Time) {
	p.index.movingDisks[d.ID] = d
	p.settleDisk(d, now)
}

func (p *Product) addDisk(d *disk) {
	d.Seq, d.GuestSize = p.nextSeq(), d.Size
	p.Disks[d.ID] = d
	p.index.addDisk(d)
}

func (p *Product) removeDisk(d *disk) {
	delete(p.Disks, d.ID)
	p.index.removeDisk(d)
}

// releaseDisks does what the end of a server does to its disks: those that go with
// it are deleted, the others are free.
func (p *Product) releaseDisks(server string, now time.Time) {
	for _, d := range p.disksOf(server) {
		if d.DeleteWithInstance || d.Type == diskSystem {
			p.removeDisk(d)
			continue
		}
		p.unplug(d, d.on(server), now)
	}
}

// rebootDisks lets a starting server see what was resized offline.
func (p *Product) rebootDisks(server string) {
	for _, d := range p.disksOf(server) {
		if d.Grows.IsZero() {
			d.GuestSize = d.Size
		}
	}
}

// disksOf lists a server's disks in the order of their creation.
func (p *Product) disksOf(server string) []*disk {
	return slices.SortedFunc(maps.Values(p.index.disksOn[server]), byDiskSeq)
}

// deviceFor is the first device name that is free on a server; the system disk
// has xvda.
func (p *Product) deviceFor(server string) string {
	taken := map[string]bool{}
	for id, d := range p.index.disksOn[server] {
		if a := p.Disks[id].on(server); a != nil && d != nil {
			taken[a.Device] = true
		}
	}
	for n := 1; ; n++ {
		if name := "/dev/xvd" + letters(n); !taken[name] {
			return name
		}
	}
}

// letters counts a, b, … z, aa, ab, … from 0.
func letters(n int) string {
	name := string(rune('a' + n%26))
	if n >= 26 {
		name = letters(n/26-1) + name
	}
	return name
}

// diskID makes an identifier whose part behind "d-" has the 20 letters and digits
// of a serial number.
func diskID(r *rand.Rand) string {
	const alphabet = "abcdefghijklmnopqrstuvwxyz0123456789"
	id := []byte("d-")
	for range 20 {
		id = append(id, alphabet[r.IntN(len(alphabet))])
	}
	return string(id)
}

// systemDisk gives a server its system disk. Its id follows from the server's, so
// that it costs no draw.
func (p *Product) systemDisk(s *server) {
	h := fnv.New64a()
	// A hash never fails to take bytes.
	_, _ = h.Write([]byte(s.ID))
	id := diskID(rand.New(rand.NewPCG(h.Sum64(), 1)))
	d := &disk{
		ID: id, Serial: id[len("d-"):], Zone: s.Zone, Category: "cloud_essd", PerformanceLevel: "PL0", Size: 40, Type: diskSystem,
		ChargeType: s.ChargeType, Portable: false, DeleteWithInstance: true, EverAttached: true, Tags: map[string]string{},
		Created: s.Created, Attached: s.Created,
	}
	p.addDisk(d)
	p.plug(d, &diskUse{Server: s.ID, Device: "/dev/xvda", Status: diskInUse, Since: s.Created})
}

func byDiskSeq(a, b *disk) int { return cmp.Compare(a.Seq, b.Seq) }
