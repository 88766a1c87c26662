package provisioner

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/resource"
)

const gib = int64(1) << 30

// sizes is a range in GiB.
type sizes struct{ min, max int }

// categories are the disk categories that can be created for claims, with their
// sizes (ECS API: CreateDisk, parameter Size). Where pages of the vendor differ
// the wider range stands: the API has the last word. Ephemeral disks are not among
// them: they die with their server.
var categories = map[string]sizes{
	"cloud":            {5, 2000},
	"cloud_efficiency": {20, 65536},
	"cloud_ssd":        {20, 65536},
	categoryESSD:       {1, 65536},
	"cloud_essd_entry": {10, 65536},
	categoryAuto:       {1, 65536},
	categoryRegional:   {10, 65536},
	"cloud_essd_xc0":   {40, 65536},
	"cloud_essd_xc1":   {40, 65536},
}

// Categories that rules are about.
const (
	categoryESSD     = "cloud_essd"
	categoryAuto     = "cloud_auto"
	categoryRegional = "cloud_regional_disk_auto"
)

// levels are the performance levels of cloud_essd. The API's default is PL1.
var levels = map[string]sizes{"PL0": {1, 65536}, "PL1": {20, 65536}, "PL2": {461, 65536}, "PL3": {1261, 65536}}

const defaultLevel = "PL1"

// roundUp is a quantity in whole GiB, never less than asked for.
func roundUp(q resource.Quantity) int {
	bytes := q.Value()
	whole := bytes / gib
	if bytes%gib > 0 {
		whole++
	}
	return int(whole)
}

// sizeFor is the smallest size that a category sells and that holds the request.
func sizeFor(category, level string, request resource.Quantity) (int, error) {
	limits := categories[category]
	if category == categoryESSD {
		if level == "" {
			level = defaultLevel
		}
		limits = levels[level]
	}
	size := max(roundUp(request), limits.min)
	if size > limits.max {
		return 0, fmt.Errorf("%s asked for, but disks of category %s have at most %dGi", request.String(), category, limits.max)
	}
	return size, nil
}
