package ecs

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// DiskSeed describes one data disk. Only Zone, or the Server that it is attached
// to, is needed.
type DiskSeed struct {
	ID          string `json:"id,omitempty"`
	Name        string `json:"name,omitempty"`
	Description string `json:"description,omitempty"`
	// Zone is the server's when empty.
	Zone string `json:"zone,omitempty"`
	// Category is cloud_essd when empty, Size (GiB) 20.
	Category         string `json:"category,omitempty"`
	PerformanceLevel string `json:"performanceLevel,omitempty"`
	Size             int    `json:"size,omitempty"`
	// ChargeType is PostPaid (default) or PrePaid, which is not portable.
	ChargeType string `json:"chargeType,omitempty"`
	// Server has the disk attached; Servers are those of a multi-attach disk.
	Server             string            `json:"server,omitempty"`
	Servers            []string          `json:"servers,omitempty"`
	DeleteWithInstance bool              `json:"deleteWithInstance,omitempty"`
	DeletionProtection bool              `json:"deletionProtection,omitempty"`
	MultiAttach        bool              `json:"multiAttach,omitempty"`
	Encrypted          bool              `json:"encrypted,omitempty"`
	Tags               map[string]string `json:"tags,omitempty"`
	// Locks are operation locks such as financial or security.
	Locks []string `json:"locks,omitempty"`
	// NoSerial is one of the old disks that have no serial number.
	NoSerial bool `json:"noSerial,omitempty"`
}

// AddDisk adds one disk, Available or in use, and returns its id. A failure
// changes nothing.
func (p *Product) AddDisk(now time.Time, s DiskSeed) (string, error) {
	servers := s.Servers
	if s.Server != "" {
		servers = append([]string{s.Server}, servers...)
	}
	for _, id := range servers {
		if p.living(id) == nil {
			return "", fmt.Errorf("disk %s: no server %q", s.ID, id)
		}
		if s.Zone == "" && s.Category != categoryRegional {
			s.Zone = p.Servers[id].Zone
		}
	}
	if s.Category == "" {
		s.Category = categoryESSD
	}
	if s.PerformanceLevel == "" && s.Category == categoryESSD {
		s.PerformanceLevel = "PL1"
	}
	if s.Size == 0 {
		s.Size = 20
	}
	if s.ChargeType == "" {
		s.ChargeType = chargePostPaid
	}
	if s.ID == "" {
		s.ID = diskID(p.Rand)
	}
	if err := p.checkDiskSeed(s, servers); err != nil {
		return "", fmt.Errorf("disk %s: %w", s.ID, err)
	}
	d := &disk{
		ID: s.ID, Name: s.Name, Description: s.Description, Serial: serialOf(s.ID), Zone: s.Zone, Category: s.Category,
		PerformanceLevel: s.PerformanceLevel, Size: s.Size, Type: diskData, ChargeType: s.ChargeType, Portable: s.ChargeType == chargePostPaid,
		Encrypted: s.Encrypted, MultiAttach: s.MultiAttach, DeleteWithInstance: s.DeleteWithInstance, DeletionProtection: s.DeletionProtection,
		Locks: s.Locks, Tags: cloneTags(s.Tags), Created: now,
	}
	if s.NoSerial {
		d.Serial = ""
	}
	p.addDisk(d)
	for _, id := range servers {
		p.plug(d, &diskUse{Server: id, Device: p.deviceFor(id), Status: diskInUse, Since: now})
		d.Attached, d.EverAttached = now, true
	}
	return d.ID, nil
}

func (p *Product) checkDiskSeed(s DiskSeed, servers []string) error {
	switch {
	case p.Disks[s.ID] != nil:
		return errors.New("the id exists already")
	case s.Zone == "" && s.Category != categoryRegional:
		return errors.New("a zone or a server is needed")
	case s.ChargeType != chargePostPaid && s.ChargeType != chargePrePaid:
		return fmt.Errorf("unknown charge type %q", s.ChargeType)
	case len(servers) > 1 && !s.MultiAttach:
		return errors.New("several servers, but not a multi-attach disk")
	case slices.ContainsFunc(servers, func(id string) bool { return s.Category != categoryRegional && p.Servers[id].Zone != s.Zone }):
		return errors.New("a server in another zone")
	}
	for _, err := range []*api.Error{checkCategory(s.Category, s.PerformanceLevel), checkSize(s.Category, s.PerformanceLevel, s.Size)} {
		if err != nil {
			return err
		}
	}
	return nil
}

// SetDiskTag changes a tag of a disk behind everybody's back; an empty value removes it.
func (p *Product) SetDiskTag(id, key, value string) error {
	d := p.Disks[id]
	if d == nil {
		return diskNotFound(id)
	}
	if value == "" {
		delete(d.Tags, key)
		return nil
	}
	d.Tags[key] = value
	return nil
}

// serialOf is a disk's serial number: its id without "d-", which virtio cuts to 20
// characters.
func serialOf(id string) string {
	const prefix, limit = "d-", 20
	if len(id) > len(prefix) && id[:len(prefix)] == prefix {
		id = id[len(prefix):]
	}
	return id[:min(len(id), limit)]
}
