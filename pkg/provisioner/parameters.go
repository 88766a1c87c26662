package provisioner

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

// parameters are what a StorageClass says of its disks.
type parameters struct {
	// categories and levels are tried in order; zones limit the disk's.
	categories, levels, zones []string
	fsType, mkfsOptions       string
	encrypted                 bool
	kmsKey                    string
	iops                      int
	bursting                  bool
	resourceGroup, snapshot   string
	tags                      map[string]string
	snapshotOnDelete          bool
	snapshotDays              int
}

// defaultCategories are tried where a class names none.
var defaultCategories = []string{categoryESSD, "cloud_ssd", "cloud_efficiency"}

// Limits of the API: tags a disk (this project sets some itself), and what the
// file systems are called that the driver makes.
const maxUserTags = 10

var fileSystems = []string{"", "ext3", "ext4", "xfs"}

// readers read one parameter each. The names are those of the first kube-aliyun
// (diskCategory, fsType) and of Alibaba Cloud's CSI driver.
var readers = map[string]func(p *parameters, value, region string) error{
	"type":                      readCategories,
	"diskCategory":              readCategories,
	"performanceLevel":          readLevels,
	"zoneId":                    readZones,
	"regionId":                  readRegion,
	"fsType":                    readFileSystem,
	"csi.storage.k8s.io/fstype": readFileSystem,
	"mkfsOptions":               func(p *parameters, v, _ string) error { p.mkfsOptions = v; return nil },
	"encrypted":                 func(p *parameters, v, _ string) (err error) { p.encrypted, err = readBool(v); return err },
	"kmsKeyId":                  func(p *parameters, v, _ string) error { p.kmsKey = v; return nil },
	"diskTags":                  readTags,
	"resourceGroupId":           func(p *parameters, v, _ string) error { p.resourceGroup = v; return nil },
	"provisionedIops":           func(p *parameters, v, _ string) (err error) { p.iops, err = readNumber(v); return err },
	"burstingEnabled":           func(p *parameters, v, _ string) (err error) { p.bursting, err = readBool(v); return err },
	"snapshotId":                func(p *parameters, v, _ string) error { p.snapshot = v; return nil },
	"snapshotOnDelete":          func(p *parameters, v, _ string) (err error) { p.snapshotOnDelete, err = readBool(v); return err },
	"snapshotRetentionDays":     func(p *parameters, v, _ string) (err error) { p.snapshotDays, err = readNumber(v); return err },
}

// readParameters reads all parameters of a class; the error tells every mistake.
func readParameters(values map[string]string, region string) (parameters, error) {
	p := parameters{}
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(values)) {
		read, known := readers[name]
		if !known {
			problems = append(problems, fmt.Errorf("%s: there is no such parameter", name))
			continue
		}
		if err := read(&p, strings.TrimSpace(values[name]), region); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", name, err))
		}
	}
	if len(p.categories) == 0 {
		p.categories = defaultCategories
	}
	essd, auto := slices.Contains(p.categories, categoryESSD), slices.Contains(p.categories, categoryAuto)
	for _, wrong := range []struct {
		is   bool
		what string
	}{
		{values["type"] != "" && values["diskCategory"] != "" && values["type"] != values["diskCategory"], "type and diskCategory are the same parameter and differ"},
		{len(p.levels) > 0 && !essd, "performanceLevel: only disks of category cloud_essd have one"},
		{(p.iops > 0 || p.bursting) && !auto, "provisionedIops, burstingEnabled: only disks of category cloud_auto have them"},
		{p.kmsKey != "" && !p.encrypted, `kmsKeyId: needs encrypted: "true"`},
		{p.snapshotDays > 0 && !p.snapshotOnDelete, `snapshotRetentionDays: needs snapshotOnDelete: "true"`},
	} {
		if wrong.is {
			problems = append(problems, errors.New(wrong.what))
		}
	}
	return p, errors.Join(problems...)
}

// available is the CSI driver's name for the two classic categories.
const available = "available"

func readCategories(p *parameters, value, _ string) error {
	list := split(value)
	if value == available {
		list = []string{"cloud_ssd", "cloud_efficiency"}
	}
	if len(list) == 0 {
		return errors.New("names no disk category")
	}
	for _, category := range list {
		if _, known := categories[category]; !known {
			return fmt.Errorf("%q is no disk category that can be created for a claim; there are %s",
				category, strings.Join(slices.Sorted(maps.Keys(categories)), ", "))
		}
	}
	p.categories = list
	return nil
}

func readLevels(p *parameters, value, _ string) error {
	p.levels = split(value)
	for _, level := range p.levels {
		if _, known := levels[level]; !known {
			return fmt.Errorf("%q is none of PL0, PL1, PL2, PL3", level)
		}
	}
	return nil
}

func readZones(p *parameters, value, region string) error {
	p.zones = split(value)
	for _, zone := range p.zones {
		if !strings.HasPrefix(zone, region) {
			return fmt.Errorf("%q is not in region %s", zone, region)
		}
	}
	return nil
}

func readRegion(_ *parameters, value, region string) error {
	if value != region {
		return fmt.Errorf("%q is not this cluster's region %s", value, region)
	}
	return nil
}

func readFileSystem(p *parameters, value, _ string) error {
	if !slices.Contains(fileSystems, value) {
		return fmt.Errorf("%q is none of ext3, ext4, xfs", value)
	}
	p.fsType = value
	return nil
}

// readTags reads key:value pairs separated by commas, as the CSI driver does.
func readTags(p *parameters, value, _ string) error {
	p.tags = map[string]string{}
	for _, pair := range split(value) {
		key, text, found := strings.Cut(pair, ":")
		switch {
		case !found || key == "":
			return fmt.Errorf("%q is not key:value", pair)
		case ownership.ReservedTag(key):
			return fmt.Errorf("the tag key %q is reserved", key)
		}
		p.tags[key] = text
	}
	if len(p.tags) > maxUserTags {
		return fmt.Errorf("%d tags, at most %d are allowed", len(p.tags), maxUserTags)
	}
	return nil
}

func readBool(value string) (bool, error) {
	b, err := strconv.ParseBool(value)
	if err != nil {
		return false, fmt.Errorf("%q is neither true nor false", value)
	}
	return b, nil
}

func readNumber(value string) (int, error) {
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%q is not a number from 0", value)
	}
	return n, nil
}

func split(value string) []string {
	return strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' })
}
