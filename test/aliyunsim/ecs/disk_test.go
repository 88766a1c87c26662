package ecs

import (
	"fmt"
	"slices"
	"testing"
	"time"

	sdk "github.com/aliyun/alibaba-cloud-sdk-go/services/ecs"
)

// disksRegion has i-1 and i-2 in zone a, i-b in zone b and a disk d-1 in zone a.
func disksRegion(t *testing.T, more ...DiskSeed) *region {
	t.Helper()
	r := newRegion(t, ServerSeed{ID: "i-1"}, ServerSeed{ID: "i-2"}, ServerSeed{ID: "i-b", VSwitch: "vsw-b"})
	for _, seed := range append([]DiskSeed{{ID: "d-1", Zone: "cn-test-a"}}, more...) {
		if _, err := r.AddDisk(r.now, seed); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func (r *region) disks(params ...string) []sdk.Disk {
	r.t.Helper()
	reply := sdk.CreateDescribeDisksResponse()
	r.must(reply, "DescribeDisks", params...)
	return reply.Disks.Disk
}

func (r *region) disk(id string) sdk.Disk {
	r.t.Helper()
	found := r.disks("DiskIds", `["`+id+`"]`)
	if len(found) != 1 {
		r.t.Fatalf("%s: %+v", id, found)
	}
	return found[0]
}

func (r *region) attach(disk, server string, more ...string) {
	r.t.Helper()
	r.must(sdk.CreateAttachDiskResponse(), "AttachDisk", append([]string{"DiskId", disk, "InstanceId", server}, more...)...)
}

func (r *region) detach(disk, server string) {
	r.t.Helper()
	r.must(sdk.CreateDetachDiskResponse(), "DetachDisk", "DiskId", disk, "InstanceId", server)
}

func createParams(more ...string) []string {
	return append([]string{"ZoneId", "cn-test-a", "DiskCategory", "cloud_essd", "Size", "20"}, more...)
}

func TestDiskPassesThroughItsStates(t *testing.T) {
	r := disksRegion(t)
	made := sdk.CreateCreateDiskResponse()
	r.must(made, "CreateDisk", createParams("DiskName", "pvc-1", "Tag.1.Key", "k", "Tag.1.Value", "v")...)
	id := made.DiskId
	want := func(status, server string) {
		t.Helper()
		d := r.disk(id)
		if d.Status != status || d.InstanceId != server || len(d.Attachments.Attachment) != min(len(server), 1) {
			t.Fatalf("%s on %q (%+v), want %s on %q", d.Status, d.InstanceId, d.Attachments, status, server)
		}
	}
	want("Creating", "")
	r.refused(403, "IncorrectDiskStatus.Initializing", "AttachDisk", "DiskId", id, "InstanceId", "i-1")
	r.pass(time.Second)
	want("Available", "")
	r.attach(id, "i-1", "DeleteWithInstance", "true")
	want("Attaching", "")
	r.pass(2 * time.Second)
	want("In_use", "i-1")
	d := r.disk(id)
	if d.SerialNumber != id[2:] || len(d.SerialNumber) != 20 || d.Device != "/dev/xvdb" || !d.DeleteWithInstance || d.PerformanceLevel != "PL1" ||
		d.Tags.Tag[0].TagKey != "k" || d.Type != "data" || !d.Portable || d.Attachments.Attachment[0].InstanceId != "i-1" {
		t.Fatalf("%+v", d)
	}
	r.detach(id, "i-1")
	want("Detaching", "i-1")
	r.pass(2 * time.Second)
	want("Available", "")
	if r.disk(id).DeleteWithInstance {
		t.Fatal("DeleteWithInstance outlived the attachment")
	}
	r.must(sdk.CreateDeleteDiskResponse(), "DeleteDisk", "DiskId", id)
	if found := r.disks("DiskIds", `["`+id+`"]`); len(found) != 0 {
		t.Fatalf("%+v", found)
	}
}

func TestCreateDiskMakesOneDiskPerToken(t *testing.T) {
	r := disksRegion(t)
	first, again := sdk.CreateCreateDiskResponse(), sdk.CreateCreateDiskResponse()
	r.must(first, "CreateDisk", createParams("ClientToken", "t")...)
	r.refused(403, "LastTokenProcessing", "CreateDisk", createParams("ClientToken", "t")...)
	r.refused(403, "IdempotentParameterMismatch", "CreateDisk", createParams("ClientToken", "t", "DiskName", "other")...)
	r.pass(r.latency)
	r.must(again, "CreateDisk", createParams("ClientToken", "t")...)
	if first.DiskId != again.DiskId || len(r.disks("DiskType", "data")) != 2 {
		t.Fatalf("%+v, then %+v", first, again)
	}
}

func TestCreateDiskRefusesAndLeavesNothing(t *testing.T) {
	r := disksRegion(t)
	r.refused(400, "MissingParameter", "CreateDisk", "ZoneId", "cn-test-a")
	r.refused(400, "MissingParameter", "CreateDisk", "Size", "20")
	r.refused(404, "InvalidZoneId.NotFound", "CreateDisk", createParams("ZoneId", "cn-test-z")...)
	r.refused(400, "InvalidDiskCategory.NotSupported", "CreateDisk", createParams("DiskCategory", "cloud_none")...)
	r.refused(400, "InvalidDiskName.Malformed", "CreateDisk", createParams("DiskName", "1x")...)
	r.refused(400, "InvalidPerformanceLevel.Malformed", "CreateDisk", createParams("PerformanceLevel", "PL9")...)
	r.refused(404, "InvalidSnapshotId.NotFound", "CreateDisk", createParams("SnapshotId", "s-none")...)
	r.refused(400, "InvalidTagKey.Malformed", "CreateDisk", createParams("Tag.1.Key", "aliyun.x", "Tag.1.Value", "v")...)
	r.refused(400, "InvalidParameter.DiskCategory", "CreateDisk", createParams("ProvisionedIops", "100")...)
	r.Knobs.DisksNotSold = []string{"cn-test-a/cloud_essd"}
	r.refused(403, "InvalidDataDiskCategory.NotSupported", "CreateDisk", createParams()...)
	r.Knobs.DisksNotSold, r.Knobs.DisksOutOfStock = nil, []string{"cloud_essd"}
	r.refused(403, "OperationDenied.NoStock", "CreateDisk", createParams()...)
	r.Knobs.DisksOutOfStock, r.Knobs.DisksPerAccount = nil, 1
	r.refused(403, "QuotaExceed.PostPaidDisk", "CreateDisk", createParams()...)
	r.Knobs.DisksPerAccount, r.Knobs.AccountInArrears = 0, true
	r.refused(403, "InvalidAccountStatus.NotEnoughBalance", "CreateDisk", createParams()...)
	r.Knobs.AccountInArrears, r.Knobs.KMSKeys = false, []string{"key-1"}
	r.refused(400, "InvalidKMSKeyId.NotFound", "CreateDisk", createParams("Encrypted", "true", "KMSKeyId", "key-2")...)
	r.must(sdk.CreateCreateDiskResponse(), "CreateDisk", createParams("Encrypted", "true", "KMSKeyId", "key-1")...)
}

func TestDiskSizesAreThoseOfTheCategory(t *testing.T) {
	for _, c := range []struct {
		category, level string
		min, max        int
		code            string
	}{
		{"cloud", "", 5, 2000, "InvalidDataDiskSize.ValueNotSupported"},
		{"cloud_efficiency", "", 20, 32768, "InvalidDataDiskSize.ValueNotSupported"},
		{"cloud_ssd", "", 20, 32768, "InvalidDataDiskSize.ValueNotSupported"},
		{"cloud_essd_entry", "", 10, 32768, "InvalidDataDiskSize.ValueNotSupported"},
		{"cloud_auto", "", 1, 65536, "InvalidDataDiskSize.ValueNotSupported"},
		{"cloud_regional_disk_auto", "", 10, 65536, "InvalidDataDiskSize.ValueNotSupported"},
		{"cloud_essd", "PL1", 20, 65536, "OperationDenied.PerformanceLevelNotMatch"},
		{"cloud_essd", "PL2", 461, 65536, "OperationDenied.PerformanceLevelNotMatch"},
		{"cloud_essd", "PL3", 1261, 65536, "OperationDenied.PerformanceLevelNotMatch"},
	} {
		t.Run(c.category+c.level, func(t *testing.T) {
			for _, size := range []int{c.min, c.max} {
				if err := checkSize(c.category, c.level, size); err != nil {
					t.Errorf("%d: %v", size, err)
				}
			}
			if err := checkSize(c.category, c.level, c.min-1); err == nil || err.Code != c.code && c.min > 1 {
				t.Errorf("%d: %v, want %s", c.min-1, err, c.code)
			}
			if err := checkSize(c.category, c.level, c.max+1); err == nil || err.Code != "InvalidDataDiskSize.ValueNotSupported" {
				t.Errorf("%d: %v", c.max+1, err)
			}
		})
	}
}

func TestAttachDiskRefusesWhatCannotBeAttached(t *testing.T) {
	r := disksRegion(t,
		DiskSeed{ID: "d-used", Server: "i-2"}, DiskSeed{ID: "d-b", Zone: "cn-test-b"}, DiskSeed{ID: "d-prepaid", Zone: "cn-test-a", ChargeType: "PrePaid"},
		DiskSeed{ID: "d-arrears", Zone: "cn-test-a", Locks: []string{"financial"}}, DiskSeed{ID: "d-locked", Zone: "cn-test-a", Locks: []string{"security"}},
		DiskSeed{ID: "d-region", Category: "cloud_regional_disk_auto"})
	for disk, want := range map[string]struct {
		status int
		code   string
	}{
		"d-none": {404, "InvalidDiskId.NotFound"}, "d-used": {404, "InvalidDisk.InUse"}, "d-b": {403, "ResourcesNotInSameZone"},
		"d-prepaid": {403, "DiskNotPortable"}, "d-arrears": {403, "DiskInArrears"}, "d-locked": {403, "InstanceLockedForSecurity"},
	} {
		r.refused(want.status, want.code, "AttachDisk", "DiskId", disk, "InstanceId", "i-1")
	}
	r.refused(404, "InvalidInstanceId.NotFound", "AttachDisk", "DiskId", "d-1", "InstanceId", "i-none")
	r.refused(404, "InvalidDevice.InUse", "AttachDisk", "DiskId", "d-1", "InstanceId", "i-2", "Device", "/dev/xvdb")
	if err := r.Stop(r.now, "i-1"); err != nil {
		t.Fatal(err)
	}
	r.refused(403, "IncorrectInstanceStatus", "AttachDisk", "DiskId", "d-1", "InstanceId", "i-1")
	r.pass(2 * time.Second)
	r.attach("d-1", "i-1")
	r.pass(2 * time.Second)
	r.attach("d-region", "i-b")
}

func TestServerTakesAsManyDisksAsItsTypeHas(t *testing.T) {
	r := disksRegion(t)
	r.Knobs.DiskAttach = 0
	for n := range 16 {
		id, err := r.AddDisk(r.now, DiskSeed{ID: fmt.Sprintf("d-many-%d", n), Zone: "cn-test-a"})
		if err != nil {
			t.Fatal(err)
		}
		r.attach(id, "i-1")
	}
	r.refused(403, "InstanceDiskLimitExceeded", "AttachDisk", "DiskId", "d-1", "InstanceId", "i-1")
	devices := map[string]bool{}
	for _, d := range r.disks("InstanceId", "i-1", "MaxResults", "100") {
		devices[d.Device] = true
	}
	if len(devices) != 17 {
		t.Fatalf("%v", devices)
	}
}

func TestTypeTakesItsCategoriesAlone(t *testing.T) {
	r := newRegion(t, ServerSeed{ID: "i-old", Type: "ecs.n4.small"})
	for id, category := range map[string]string{"d-essd": "cloud_essd", "d-ssd": "cloud_ssd"} {
		if _, err := r.AddDisk(r.now, DiskSeed{ID: id, Zone: "cn-test-a", Category: category}); err != nil {
			t.Fatal(err)
		}
	}
	r.refused(403, "InvalidInstanceType.NotSupportDiskCategory", "AttachDisk", "DiskId", "d-essd", "InstanceId", "i-old")
	r.attach("d-ssd", "i-old")
}

func TestServerTakesOneDiskOperationAtATime(t *testing.T) {
	r := disksRegion(t, DiskSeed{ID: "d-2", Zone: "cn-test-a"}, DiskSeed{ID: "d-on", Server: "i-1"}, DiskSeed{ID: "d-on2", Server: "i-1"},
		DiskSeed{ID: "d-3", Zone: "cn-test-a"})
	r.attach("d-1", "i-1")
	r.refused(400, "OperationConflict.DisksAttachingParallellyExceed", "AttachDisk", "DiskId", "d-2", "InstanceId", "i-1")
	r.refused(400, "InvalidOperation.Conflict", "DetachDisk", "DiskId", "d-on", "InstanceId", "i-1")
	r.attach("d-2", "i-2")
	r.pass(2 * time.Second)
	r.detach("d-on", "i-1")
	r.refused(400, "DisksDetachingOnEcsExceeded", "DetachDisk", "DiskId", "d-on2", "InstanceId", "i-1")
	r.Knobs.DiskConflictCode = "OperationConflict"
	r.refused(400, "OperationConflict", "AttachDisk", "DiskId", "d-3", "InstanceId", "i-1")
}

func TestTaggedServerTakesSeveralDiskOperations(t *testing.T) {
	r := disksRegion(t, DiskSeed{ID: "d-2", Zone: "cn-test-a"})
	r.must(sdk.CreateTagResourcesResponse(), "TagResources", "ResourceType", "instance", "ResourceId.1", "i-1",
		"Tag.1.Key", "supportConcurrencyAttach", "Tag.1.Value", "true")
	r.attach("d-1", "i-1")
	r.attach("d-2", "i-1")
}

func TestDetachDiskRefusesWhatIsNotAttachedThere(t *testing.T) {
	r := disksRegion(t, DiskSeed{ID: "d-on", Server: "i-1"})
	r.refused(404, "InvalidDisk.AlreadyDetached", "DetachDisk", "DiskId", "d-1", "InstanceId", "i-1")
	r.refused(403, "DependencyViolation", "DetachDisk", "DiskId", "d-on", "InstanceId", "i-2")
	r.refused(404, "InvalidDiskId.NotFound", "DetachDisk", "DiskId", "d-none", "InstanceId", "i-1")
	r.refused(404, "InvalidInstanceId.NotFound", "DetachDisk", "DiskId", "d-on", "InstanceId", "i-none")
	system := r.disks("InstanceId", "i-1", "DiskType", "system")[0].DiskId
	r.refused(403, "DiskTypeViolation", "DetachDisk", "DiskId", system, "InstanceId", "i-1")
	r.attach("d-1", "i-2")
	r.refused(403, "IncorrectDiskStatus", "DetachDisk", "DiskId", "d-1", "InstanceId", "i-2")
	r.detach("d-on", "i-1")
	r.refused(403, "InvalidOperation.DiskDetachingFromThisEcs", "DetachDisk", "DiskId", "d-on", "InstanceId", "i-1")
}

func TestDetachOfAServerThatHangsNeverEnds(t *testing.T) {
	r := disksRegion(t, DiskSeed{ID: "d-on", Server: "i-1"})
	r.Knobs.DetachNeverEnds = true
	r.detach("d-on", "i-1")
	r.pass(time.Hour)
	if got := r.disk("d-on").Status; got != "Detaching" {
		t.Fatal(got)
	}
	r.Knobs.DetachNeverEnds = false
	r.pass(0)
	if got := r.disk("d-on").Status; got != "Available" {
		t.Fatal(got)
	}
}

func TestAttachWhileDetachingIsRefusedOrLost(t *testing.T) {
	r := disksRegion(t, DiskSeed{ID: "d-on", Server: "i-1"})
	r.detach("d-on", "i-1")
	r.refused(403, "IncorrectDiskStatus", "AttachDisk", "DiskId", "d-on", "InstanceId", "i-1")
	r.Knobs.AttachLostWhileDetaching = true
	r.attach("d-on", "i-1")
	r.refused(403, "IncorrectDiskStatus", "AttachDisk", "DiskId", "d-on", "InstanceId", "i-2")
	r.pass(time.Hour)
	if got := r.disk("d-on").Status; got != "Available" {
		t.Fatal(got)
	}
}

func TestDeleteDiskKeepsWhatIsInUse(t *testing.T) {
	r := disksRegion(t, DiskSeed{ID: "d-on", Server: "i-1"}, DiskSeed{ID: "d-safe", Zone: "cn-test-a", DeletionProtection: true})
	r.must(sdk.CreateDeleteDiskResponse(), "DeleteDisk", "DiskId", "d-none")
	r.refused(403, "IncorrectDiskStatus", "DeleteDisk", "DiskId", "d-on")
	r.Knobs.DeleteAttachedCode = "DiskStillAttached"
	r.refused(403, "DiskStillAttached", "DeleteDisk", "DiskId", "d-on")
	r.refused(403, "InvalidDiskStatus.DeleteProtection", "DeleteDisk", "DiskId", "d-safe")
	r.Knobs.DiskCooling = time.Minute
	r.detach("d-on", "i-1")
	r.pass(2 * time.Second)
	r.refused(403, "DiskInCoolingPeriod", "DeleteDisk", "DiskId", "d-on")
	r.pass(time.Minute)
	r.must(sdk.CreateDeleteDiskResponse(), "DeleteDisk", "DiskId", "d-on")
}

func TestDisksOfAReleasedServerAreFreeOrGone(t *testing.T) {
	r := disksRegion(t, DiskSeed{ID: "d-stays", Server: "i-1"}, DiskSeed{ID: "d-goes", Server: "i-1", DeleteWithInstance: true})
	if err := r.Release(r.now, "i-1", true); err != nil {
		t.Fatal(err)
	}
	if got := r.disk("d-stays").Status; got != "Available" {
		t.Fatal(got)
	}
	if found := r.disks("DiskIds", `["d-goes"]`); len(found) != 0 {
		t.Fatalf("%+v", found)
	}
	if found := r.disks("DiskType", "system"); len(found) != 2 {
		t.Fatalf("%+v", found)
	}
}

func TestMultiAttachDiskHasSeveralServers(t *testing.T) {
	r := disksRegion(t, DiskSeed{ID: "d-shared", MultiAttach: true, Server: "i-1"})
	r.attach("d-shared", "i-2")
	r.pass(2 * time.Second)
	d := r.disk("d-shared")
	if d.InstanceId != "" || len(d.Attachments.Attachment) != 2 || d.Status != "In_use" || d.MultiAttach != "Enabled" {
		t.Fatalf("%+v", d)
	}
	r.detach("d-shared", "i-1")
	r.pass(2 * time.Second)
	if d := r.disk("d-shared"); len(d.Attachments.Attachment) != 1 || d.Attachments.Attachment[0].InstanceId != "i-2" {
		t.Fatalf("%+v", d)
	}
}

func TestResizeDiskOnlyGrows(t *testing.T) {
	r := disksRegion(t, DiskSeed{ID: "d-on", Server: "i-1"}, DiskSeed{ID: "d-off", Server: "i-2"})
	resize := func(more ...string) {
		r.must(sdk.CreateResizeDiskResponse(), "ResizeDisk", more...)
	}
	r.refused(403, "InvalidDiskSize.TooSmall", "ResizeDisk", "DiskId", "d-on", "NewSize", "20")
	r.refused(403, "InvalidDiskSize.TooLarge", "ResizeDisk", "DiskId", "d-on", "NewSize", "65537")
	resize("DiskId", "d-on", "NewSize", "30", "Type", "online")
	r.refused(400, "LastOrderProcessing", "ResizeDisk", "DiskId", "d-on", "NewSize", "40", "Type", "online")
	if d := r.Disks["d-on"]; r.disk("d-on").Size != 30 || d.GuestSize != 20 {
		t.Fatalf("%+v", d)
	}
	r.pass(time.Second)
	if d := r.Disks["d-on"]; d.GuestSize != 30 {
		t.Fatalf("%+v", d)
	}
	resize("DiskId", "d-off", "NewSize", "30")
	r.pass(time.Hour)
	if d := r.Disks["d-off"]; r.disk("d-off").Size != 30 || d.GuestSize != 20 {
		t.Fatalf("%+v", d)
	}
	if err := r.Stop(r.now, "i-2"); err != nil {
		t.Fatal(err)
	}
	r.pass(time.Minute)
	r.refused(403, "InvalidInstanceStatus.NotRunning", "ResizeDisk", "DiskId", "d-off", "NewSize", "40", "Type", "online")
	if err := r.Start(r.now, "i-2"); err != nil {
		t.Fatal(err)
	}
	if d := r.Disks["d-off"]; d.GuestSize != 30 {
		t.Fatalf("%+v", d)
	}
}

func TestSnapshotIsAccomplishedInTime(t *testing.T) {
	r := disksRegion(t, DiskSeed{ID: "d-on", Server: "i-1", Size: 30})
	r.refused(403, "IncorrectDiskStatus.NeverAttached", "CreateSnapshot", "DiskId", "d-1")
	made := sdk.CreateCreateSnapshotResponse()
	r.must(made, "CreateSnapshot", "DiskId", "d-on", "SnapshotName", "last", "ClientToken", "t")
	r.refused(403, "IncorrectDiskStatus.CreatingSnapshot", "ResizeDisk", "DiskId", "d-on", "NewSize", "40")
	r.refused(403, "IncorrectDiskStatus.CreatingSnapshot", "CreateSnapshot", "DiskId", "d-on")
	r.refused(403, "InvalidSnapshot.NotReady", "CreateDisk", createParams("SnapshotId", made.SnapshotId)...)
	r.pass(5 * time.Second)
	list := sdk.CreateDescribeSnapshotsResponse()
	r.must(list, "DescribeSnapshots", "DiskId", "d-on")
	if s := list.Snapshots.Snapshot[0]; s.Status != "progressing" || s.Progress != "50%" || s.SourceDiskSize != "30" {
		t.Fatalf("%+v", s)
	}
	r.pass(5 * time.Second)
	r.must(list, "DescribeSnapshots", "SnapshotIds", `["`+made.SnapshotId+`"]`, "Status", "accomplished")
	if s := list.Snapshots.Snapshot[0]; s.Progress != "100%" || !s.Available {
		t.Fatalf("%+v", s)
	}
	r.refused(403, "InvalidDiskSize.TooSmall", "CreateDisk", createParams("SnapshotId", made.SnapshotId)...)
	r.must(sdk.CreateCreateDiskResponse(), "CreateDisk", createParams("SnapshotId", made.SnapshotId, "Size", "30")...)
}

func TestDescribeDisksFiltersAndPages(t *testing.T) {
	r := disksRegion(t, DiskSeed{ID: "d-on", Name: "pvc-7", Server: "i-1", Tags: map[string]string{"a": "1", "b": "2"}})
	for _, filter := range [][]string{
		{"DiskIds", `["d-on","d-none"]`}, {"InstanceId", "i-1", "DiskType", "data"}, {"Status", "In_use", "DiskType", "data"},
		{"DiskName", "pvc-*"}, {"Tag.1.Key", "a", "Tag.1.Value", "1", "Tag.2.Key", "b"},
	} {
		if found := r.disks(filter...); len(found) != 1 || found[0].DiskId != "d-on" {
			t.Errorf("%v: %+v", filter, found)
		}
	}
	if found := r.disks("DiskIds", "[]"); len(found) != 0 {
		t.Errorf("no ids: %+v", found)
	}
	if _, err := r.AddDisk(r.now, DiskSeed{ID: "d-locked", Zone: "cn-test-a", Locks: []string{"financial"}}); err != nil {
		t.Fatal(err)
	}
	if locks := r.disk("d-locked").OperationLocks.OperationLock; len(locks) != 1 || locks[0].LockReason != "financial" {
		t.Errorf("locks: %+v", locks)
	}
	r.refused(403, "InvalidDiskIds.Malformed", "DescribeDisks", "DiskIds", "d-1")
	for n := range 12 {
		if _, err := r.AddDisk(r.now, DiskSeed{ID: fmt.Sprintf("d-page-%d", n), Zone: "cn-test-b"}); err != nil {
			t.Fatal(err)
		}
	}
	var seen []string
	token := ""
	for {
		reply := sdk.CreateDescribeDisksResponse()
		r.must(reply, "DescribeDisks", "ZoneId", "cn-test-b", "DiskType", "data", "MaxResults", "1", "NextToken", token)
		for _, d := range reply.Disks.Disk {
			seen = append(seen, d.DiskId)
		}
		if token = reply.NextToken; token == "" {
			break
		}
	}
	slices.Sort(seen)
	if len(slices.Compact(seen)) != 12 {
		t.Fatalf("%v", seen)
	}
}

func TestNewDiskIsSeenLater(t *testing.T) {
	r := disksRegion(t)
	r.Knobs.DiskListLag, r.Knobs.DiskTagLag = 3*time.Second, 5*time.Second
	made := sdk.CreateCreateDiskResponse()
	r.must(made, "CreateDisk", createParams("Tag.1.Key", "k", "Tag.1.Value", "v")...)
	counts := func(id, tag int) {
		t.Helper()
		if a, b := len(r.disks("DiskIds", `["`+made.DiskId+`"]`)), len(r.disks("Tag.1.Key", "k")); a != id || b != tag {
			t.Fatalf("%d by id, %d by tag", a, b)
		}
	}
	r.pass(2 * time.Second)
	counts(0, 0)
	r.refused(404, "InvalidDiskId.NotFound", "AttachDisk", "DiskId", made.DiskId, "InstanceId", "i-1")
	r.pass(time.Second)
	counts(1, 0)
	r.pass(2 * time.Second)
	counts(1, 1)
}

func TestDisksOutliveADump(t *testing.T) {
	r := disksRegion(t, DiskSeed{ID: "d-on", Server: "i-1"})
	r.detach("d-on", "i-1")
	raw, err := r.Dump()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Restore(raw); err != nil {
		t.Fatal(err)
	}
	r.pass(2 * time.Second)
	if got := r.disk("d-on").Status; got != "Available" {
		t.Fatal(got)
	}
	if found := r.disks("InstanceId", "i-1"); len(found) != 1 {
		t.Fatalf("%+v", found)
	}
}
