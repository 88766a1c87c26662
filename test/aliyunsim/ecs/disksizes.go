package ecs

import (
	"net/http"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// Categories that are named in rules.
const (
	categoryESSD     = "cloud_essd"
	categoryAuto     = "cloud_auto"
	categoryRegional = "cloud_regional_disk_auto"
)

// sizes is a range in GiB.
type sizes struct{ min, max int }

// diskSizes are the categories with their sizes, as CreateDisk publishes them;
// cloud_essd has one line a performance level.
var diskSizes = map[string]sizes{
	"cloud":            {5, 2000},
	"cloud_efficiency": {20, 32768},
	"cloud_ssd":        {20, 32768},
	"cloud_essd_entry": {10, 32768},
	categoryAuto:       {1, 65536},
	categoryRegional:   {10, 65536},
	categoryESSD:       {1, 65536},
}

var levelSizes = map[string]sizes{"PL0": {1, 65536}, "PL1": {20, 65536}, "PL2": {461, 65536}, "PL3": {1261, 65536}}

// soldEverywhere are the categories of a zone of which the knobs say nothing.
var soldEverywhere = []string{"cloud_auto", "cloud_efficiency", "cloud_essd", "cloud_essd_entry", "cloud_ssd"}

// checkCategory refuses unknown categories and performance levels that do not fit.
func checkCategory(category, level string) *api.Error {
	if _, ok := diskSizes[category]; !ok {
		return api.Errorf(http.StatusBadRequest, "InvalidDiskCategory.NotSupported", "The specified disk category %q is not supported.", category)
	}
	if level == "" {
		return nil
	}
	if _, ok := levelSizes[level]; !ok {
		return api.Errorf(http.StatusBadRequest, "InvalidPerformanceLevel.Malformed", "The specified PerformanceLevel %q is not valid.", level)
	}
	if category != categoryESSD {
		return api.Errorf(http.StatusBadRequest, "InvalidPerformanceLevel.NotSupported", "Disks of category %q have no performance level.", category)
	}
	return nil
}

// checkSize refuses sizes that the category or its performance level does not have.
func checkSize(category, level string, size int) *api.Error {
	if s := diskSizes[category]; size < s.min || size > s.max {
		return api.Errorf(http.StatusBadRequest, "InvalidDataDiskSize.ValueNotSupported",
			"The specified size %d GiB is not one of category %s, which has %d to %d GiB.", size, category, s.min, s.max)
	}
	if s := levelSizes[level]; level != "" && (size < s.min || size > s.max) {
		return api.Errorf(http.StatusForbidden, "OperationDenied.PerformanceLevelNotMatch",
			"The performance level %s and the size %d GiB do not match.", level, size)
	}
	return nil
}

// checkIOPS applies the limits of provisioned IOPS and bursting, which are of
// cloud_auto alone: 1,000 IOPS a GiB and 50,000 together with the baseline.
func checkIOPS(d *disk) *api.Error {
	if d.ProvisionedIOPS == 0 && !d.Bursting {
		return nil
	}
	if d.Category != categoryAuto {
		return api.Errorf(http.StatusBadRequest, "InvalidParameter.DiskCategory",
			"Provisioned IOPS and bursting are not supported by category %s.", d.Category)
	}
	if d.Bursting && d.Size <= 3 {
		return api.Errorf(http.StatusBadRequest, "InvalidParameter.BurstingEnabled", "Bursting needs more than 3 GiB.")
	}
	limit := min(50000, 1000*d.Size-min(1800+50*d.Size, 50000))
	if d.ProvisionedIOPS < 0 || d.ProvisionedIOPS > max(limit, 0) {
		return api.Errorf(http.StatusBadRequest, "InvalidProvisionedIops.LimitExceed",
			"The specified ProvisionedIops %d exceeds the limit %d.", d.ProvisionedIOPS, max(limit, 0))
	}
	return nil
}
