package disks

import (
	"strings"
	"testing"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
)

// situation is a free disk in the target's zone, changed.
func situation(change func(*Situation)) Situation {
	s := Situation{
		DiskID: "d-1", Region: "cn-hangzhou", TargetNode: "node-1",
		Disk:   &ecs.Disk{ID: "d-1", Status: ecs.DiskAvailable, Zone: "cn-hangzhou-h", Portable: true},
		Target: ecs.Server{ID: "i-1", Zone: "cn-hangzhou-h", Status: ecs.Running},
	}
	change(&s)
	return s
}

// held is the disk on i-2, a Node that is ready and does not use it, changed.
func held(change func(*Holder)) func(*Situation) {
	return func(s *Situation) {
		h := Holder{Server: "i-2", Membership: Member, Node: "node-2", Ready: true}
		change(&h)
		s.Disk.Status, s.Disk.Attachments, s.Holders = ecs.DiskInUse, []string{h.Server}, []Holder{h}
	}
}

func TestDecide(t *testing.T) {
	status := func(status ecs.DiskStatus, servers ...string) func(*Situation) {
		return func(s *Situation) {
			s.Disk.Status, s.Disk.Attachments = status, servers
			for _, server := range servers {
				if server != "i-1" {
					s.Holders = append(s.Holders, Holder{Server: server})
				}
			}
		}
	}
	both := func(changes ...func(*Situation)) func(*Situation) {
		return func(s *Situation) {
			for _, change := range changes {
				change(s)
			}
		}
	}
	idle := held(func(*Holder) {})
	tests := map[string]struct {
		change func(*Situation)
		want   Action
		says   []string
	}{
		"available":                   {func(*Situation) {}, Attach, nil},
		"no such disk":                {func(s *Situation) { s.Disk = nil }, Refuse, []string{"d-1", "not found in region cn-hangzhou"}},
		"attached to the target":      {status(ecs.DiskInUse, "i-1"), Done, nil},
		"shared, with the target too": {status(ecs.DiskInUse, "i-2", "i-1"), Done, nil},
		"attaching to the target":     {status(ecs.DiskAttaching, "i-1"), Wait, []string{"Attaching"}},
		"attaching to nobody knows":   {status(ecs.DiskAttaching), Wait, nil},
		"attaching elsewhere":         {status(ecs.DiskAttaching, "i-2"), Wait, nil},
		"detaching from the target":   {status(ecs.DiskDetaching, "i-1"), Wait, []string{"Detaching"}},
		"detaching from elsewhere":    {status(ecs.DiskDetaching, "i-2"), Wait, nil},
		"creating":                    {status(ecs.DiskCreating), Wait, nil},
		"being reset":                 {status(ecs.DiskReIniting), Wait, nil},
		"in use nobody knows where":   {status(ecs.DiskInUse), Wait, nil},
		"in a state of the future":    {status("Migrating"), Wait, []string{"Migrating"}},

		"another zone":   {func(s *Situation) { s.Disk.Zone = "cn-hangzhou-i" }, Refuse, []string{"cn-hangzhou-i", "cn-hangzhou-h", "i-1", "node-1"}},
		"no zone at all": {func(s *Situation) { s.Disk.Zone = "" }, Attach, nil},
		"a regional disk": {func(s *Situation) {
			s.Disk.Zone, s.Disk.Category = "cn-hangzhou-i", "cloud_regional_disk_auto"
		}, Attach, nil},
		"locked":                          {func(s *Situation) { s.Disk.Locks = []string{"financial"} }, Refuse, []string{"locked", "financial"}},
		"locked, but on the target":       {both(status(ecs.DiskInUse, "i-1"), func(s *Situation) { s.Disk.Locks = []string{"financial"} }), Done, nil},
		"a system disk":                   {func(s *Situation) { s.Disk.System = true }, Refuse, []string{"system disk"}},
		"idle elsewhere, in another zone": {both(idle, func(s *Situation) { s.Disk.Zone = "cn-hangzhou-i" }), Refuse, []string{"zone"}},
		"idle elsewhere, not portable":    {both(idle, func(s *Situation) { s.Disk.Portable = false }), Refuse, []string{"portable"}},

		"stale: ready, unused": {idle, TakeOver, []string{"node-2", "ready"}},
		"used, ready": {held(func(h *Holder) { h.Use = "Pod default/db runs there" }), Refuse,
			[]string{"d-1", "i-2", "node-2", "Pod default/db"}},
		"unused, not ready":             {held(func(h *Holder) { h.Ready = false }), Refuse, []string{"not ready", "out-of-service"}},
		"used, not ready":               {held(func(h *Holder) { h.Ready, h.Use = false, "mounted" }), Refuse, []string{"mounted"}},
		"unused, not ready, server off": {held(func(h *Holder) { h.Ready, h.Off = false, true }), Refuse, []string{"not ready"}},
		"out of service":                {held(func(h *Holder) { h.Ready, h.OutOfService = false, true }), TakeOver, []string{"out of service"}},
		"out of service, still on the books": {held(func(h *Holder) {
			h.Ready, h.OutOfService, h.Use = false, true, "status.volumesInUse"
		}), TakeOver, []string{"out of service"}},
		"node deleted, server off":  {held(func(h *Holder) { h.Membership, h.Ready, h.Off = Former, false, true }), TakeOver, []string{"deleted"}},
		"node deleted, server runs": {held(func(h *Holder) { h.Membership, h.Ready = Former, false }), Refuse, []string{"runs", "node-2"}},
		"another cluster's server":  {held(func(h *Holder) { *h = Holder{Server: "i-2"} }), Refuse, []string{"i-2", "no node of this cluster"}},
		"another cluster's server, off": {held(func(h *Holder) { *h = Holder{Server: "i-2", Off: true} }), Refuse,
			[]string{"no node of this cluster"}},
		"shared, one holder idle, one foreign": {both(idle, func(s *Situation) {
			s.Disk.Attachments = append(s.Disk.Attachments, "i-3")
			s.Holders = append(s.Holders, Holder{Server: "i-3"})
		}), Refuse, []string{"i-3"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := Decide(situation(tt.change))
			if got.Action != tt.want {
				t.Fatalf("got %+v, want action %d", got, tt.want)
			}
			for _, words := range tt.says {
				if !strings.Contains(got.Reason, words) {
					t.Errorf("%q does not say %q", got.Reason, words)
				}
			}
			if got.Action == TakeOver && got.From.Server != "i-2" {
				t.Errorf("taken over from %+v", got.From)
			}
		})
	}
}
