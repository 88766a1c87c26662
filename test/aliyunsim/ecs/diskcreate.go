package ecs

import (
	"net/http"
	"regexp"
	"slices"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// diskNames are the names that CreateDisk takes: 2 to 128 characters, a letter
// first, and not a link.
var (
	diskNames = regexp.MustCompile(`^\p{L}[\p{L}\p{N}:_.-]{1,127}$`)
	linkNames = regexp.MustCompile(`^https?://`)
)

func (p *Product) createDisk(c *api.Call) (api.Reply, *api.Error) {
	if reply, ok, err := p.Tokens.Replay(c, http.StatusForbidden); ok || err != nil {
		return reply, err
	}
	d, err := p.diskRequest(c)
	if err != nil {
		return nil, err
	}
	if err := p.checkSale(d); err != nil {
		return nil, err
	}
	d.ID = diskID(p.Rand)
	d.Serial = d.ID[len("d-"):]
	d.Created, d.Ready = c.Now, c.Now.Add(p.Knobs.DiskCreation)
	d.VisibleFrom, d.TagsFrom = c.Now.Add(p.Knobs.DiskListLag), c.Now.Add(p.Knobs.DiskTagLag)
	p.addDisk(d)
	p.disturb(d, c.Now)
	reply := api.Reply{"DiskId": d.ID, "OrderId": ""}
	p.Tokens.Keep(c, reply, p.Knobs.TokenRetention)
	return reply, nil
}

// diskRequest reads and checks what CreateDisk asks for.
func (p *Product) diskRequest(c *api.Call) (*disk, *api.Error) {
	q := c.Params
	d := &disk{
		Name: q["DiskName"], Description: q["Description"], Zone: q["ZoneId"], Category: q["DiskCategory"],
		PerformanceLevel: q["PerformanceLevel"], Type: diskData, ChargeType: chargePostPaid, Portable: true, KMSKey: q["KMSKeyId"],
		SourceSnapshot: q["SnapshotId"], ResourceGroup: q["ResourceGroupId"], StorageCluster: q["StorageClusterId"],
	}
	if d.Category == "" {
		d.Category = "cloud"
	}
	if err := p.checkPlace(q, d); err != nil {
		return nil, err
	}
	if d.Name != "" && (!diskNames.MatchString(d.Name) || linkNames.MatchString(d.Name)) {
		return nil, api.Errorf(http.StatusBadRequest, "InvalidDiskName.Malformed", "The specified disk name %q is wrongly formed.", d.Name)
	}
	if n := len([]rune(d.Description)); n == 1 || n > 256 || linkNames.MatchString(d.Description) {
		return nil, api.Errorf(http.StatusBadRequest, "InvalidDescription.Malformed", "The specified description is wrongly formed.")
	}
	if err := checkCategory(d.Category, d.PerformanceLevel); err != nil {
		return nil, err
	}
	if d.Category == categoryESSD && d.PerformanceLevel == "" {
		d.PerformanceLevel = "PL1"
	}
	if err := p.readDiskValues(q, d); err != nil {
		return nil, err
	}
	if err := p.checkSource(q, d); err != nil {
		return nil, err
	}
	if err := checkSize(d.Category, d.PerformanceLevel, d.Size); err != nil {
		return nil, err
	}
	return d, checkIOPS(d)
}

// checkPlace wants a zone of the region, and none for a regional disk.
func (p *Product) checkPlace(q api.Params, d *disk) *api.Error {
	switch {
	case q["InstanceId"] != "":
		return api.Errorf(http.StatusBadRequest, "UnsupportedOperation", "Creating a disk on an instance is not simulated.")
	case d.regional() && d.Zone == "":
		return nil
	case d.Zone == "":
		return api.Missing("ZoneId")
	case !slices.Contains(p.zones(), d.Zone):
		return api.Errorf(http.StatusNotFound, "InvalidZoneId.NotFound", "The specified zone %q does not exist.", d.Zone)
	}
	return nil
}

// readDiskValues reads the parameters that are not text.
func (p *Product) readDiskValues(q api.Params, d *disk) (err *api.Error) {
	if d.Size, err = q.Int("Size", 0); err != nil {
		return err
	}
	if d.ProvisionedIOPS, err = q.Int("ProvisionedIops", 0); err != nil {
		return err
	}
	if d.Bursting, err = q.Bool("BurstingEnabled", false); err != nil {
		return err
	}
	if d.Encrypted, err = q.Bool("Encrypted", false); err != nil {
		return err
	}
	if d.Tags, err = q.Tags(); err != nil {
		return err
	}
	switch q["MultiAttach"] {
	case "", "Disabled":
	case "Enabled":
		d.MultiAttach = true
	default:
		return api.Invalid("MultiAttach", q["MultiAttach"])
	}
	switch {
	case d.MultiAttach && d.Category != categoryESSD && d.Category != categoryAuto && !d.regional():
		return api.Errorf(http.StatusBadRequest, "InvalidParameter.MultiAttach", "Disks of category %s cannot be attached to several instances.", d.Category)
	case d.KMSKey != "" && !d.Encrypted:
		return api.Errorf(http.StatusBadRequest, "InvalidParameter.Encrypted.NotMatchKMSKeyId", "A KMSKeyId needs Encrypted.")
	case d.KMSKey != "" && len(p.Knobs.KMSKeys) > 0 && !slices.Contains(p.Knobs.KMSKeys, d.KMSKey):
		return api.Errorf(http.StatusBadRequest, "InvalidKMSKeyId.NotFound", "The specified KMSKeyId %q does not exist.", d.KMSKey)
	}
	return nil
}

// checkSource applies a snapshot's size.
func (p *Product) checkSource(q api.Params, d *disk) *api.Error {
	if d.SourceSnapshot == "" {
		if q["Size"] == "" {
			return api.Missing("Size")
		}
		return nil
	}
	s := p.Snapshots[d.SourceSnapshot]
	switch {
	case s == nil:
		return api.Errorf(http.StatusNotFound, "InvalidSnapshotId.NotFound", "The specified SnapshotId %q does not exist.", d.SourceSnapshot)
	case !s.Due.IsZero():
		return api.Errorf(http.StatusForbidden, "InvalidSnapshot.NotReady", "The snapshot %s is not ready.", s.ID)
	case q["Size"] == "":
		d.Size = s.DiskSize
	case d.Size < s.DiskSize:
		return api.Errorf(http.StatusForbidden, "InvalidDiskSize.TooSmall", "The specified size is smaller than the snapshot's %d GiB.", s.DiskSize)
	}
	if s.Encrypted {
		d.Encrypted = true
	}
	return nil
}

// checkSale applies what is sold where, stock, quota and balance.
func (p *Product) checkSale(d *disk) *api.Error {
	named := func(list []string) bool {
		return slices.Contains(list, d.Category) || slices.Contains(list, d.Zone+"/"+d.Category)
	}
	switch {
	case p.Knobs.AccountInArrears:
		return api.Errorf(http.StatusForbidden, "InvalidAccountStatus.NotEnoughBalance", "Your account does not have enough balance.")
	case named(p.Knobs.DisksNotSold):
		return api.Errorf(http.StatusForbidden, "InvalidDataDiskCategory.NotSupported",
			"The specified disk category %s is not supported in zone %s.", d.Category, d.Zone)
	case named(p.Knobs.DisksOutOfStock):
		return api.Errorf(http.StatusForbidden, "OperationDenied.NoStock",
			"The inventory of disk category %s is insufficient in zone %s.", d.Category, d.Zone)
	case p.Knobs.DisksPerAccount > 0 && p.dataDisks() >= p.Knobs.DisksPerAccount:
		return api.Errorf(http.StatusForbidden, "QuotaExceed.PostPaidDisk", "The quota of %d pay-as-you-go disks is exhausted.", p.Knobs.DisksPerAccount)
	case len(d.Tags) > p.Knobs.TagsPerObject:
		return api.Errorf(http.StatusBadRequest, "QuotaExceed.Tags", "A disk can have at most %d tags.", p.Knobs.TagsPerObject)
	}
	return nil
}

func (p *Product) dataDisks() (n int) {
	for _, d := range p.Disks {
		if d.Type == diskData && d.ChargeType == chargePostPaid {
			n++
		}
	}
	return n
}
