package flexvolume

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Keys that Kubernetes puts into the options.
const (
	keyFSType    = "kubernetes.io/fsType"
	keyReadWrite = "kubernetes.io/readwrite"
	keyName      = "kubernetes.io/pvOrVolumeName"
	// What begins with these belongs to one Pod, or is secret.
	prefixSecret         = "kubernetes.io/secret/" // #nosec G101 -- the name of a key
	prefixPod            = "kubernetes.io/pod."
	prefixServiceAccount = "kubernetes.io/serviceAccount."
	prefixMounter        = "kubernetes.io/mounterArgs."
)

// Keys that users write. kube-aliyun of 2017 had diskId and flags, the driver
// alicloud/disk had volumeId; letter case never mattered.
const (
	keyDisk   = "diskId"
	keyVolume = "volumeId"
	keyFlags  = "flags"
	keyMkfs   = "mkfsOptions"
)

// options are a volume's options as the caller gives them.
type options struct {
	all map[string]string
	// name is Kubernetes' name of the volume.
	name string
	// disk is empty in the calls for volumes that kubelet found after a restart:
	// it then knows the volume's name alone.
	disk     string
	fsType   string
	readOnly bool
	flags    []string
	mkfs     []string
}

var (
	diskID = regexp.MustCompile(`^d-[0-9a-z]{1,60}$`)
	// A file system that the node can make, check and grow.
	fileSystems = map[string]bool{"": true, "ext3": true, "ext4": true, "xfs": true}
)

// parseOptions reads the options. No error repeats what they hold, since there
// may be secrets among them.
func parseOptions(text string) (options, error) {
	o := options{}
	if err := json.Unmarshal([]byte(text), &o.all); err != nil || o.all == nil {
		return o, errors.New("the volume's options are not a JSON object of strings")
	}
	o.name = o.all[keyName]
	o.fsType = o.all[keyFSType]
	o.readOnly = o.all[keyReadWrite] == "ro"
	if !fileSystems[o.fsType] {
		return o, errors.New("the volume's fsType is none of ext4, ext3 and xfs")
	}
	var err error
	if o.disk, err = o.findDisk(); err != nil {
		return o, err
	}
	if o.flags, err = parseFlags(o.user(keyFlags)); err != nil {
		return o, err
	}
	if o.mkfs, err = parseMkfs(o.user(keyMkfs)); err != nil {
		return o, err
	}
	return o, nil
}

// user is what the user wrote under the key in any letter case.
func (o options) user(key string) string {
	if value, ok := o.all[key]; ok {
		return value
	}
	for name, value := range o.all {
		if strings.EqualFold(name, key) {
			return value
		}
	}
	return ""
}

func (o options) findDisk() (string, error) {
	found := ""
	for key, value := range o.all {
		if !strings.EqualFold(key, keyDisk) && !strings.EqualFold(key, keyVolume) {
			continue
		}
		switch {
		case !diskID.MatchString(value):
			return "", fmt.Errorf("the volume's option %s is not the id of a disk, such as d-2ze0example0000000", keyDisk)
		case found != "" && found != value:
			return "", fmt.Errorf("the volume's options name two different disks; leave one of %s and %s", keyDisk, keyVolume)
		}
		found = value
	}
	return found, nil
}

// errNoDisk is a volume without a disk in a call that needs one.
var errNoDisk = fmt.Errorf("the volume has no option %s, which names its disk", keyDisk)

// forController are the options that the controller may see.
func (o options) forController() map[string]string {
	kept := make(map[string]string, len(o.all))
	for key, value := range o.all {
		switch {
		case strings.HasPrefix(key, prefixSecret), strings.HasPrefix(key, prefixPod),
			strings.HasPrefix(key, prefixServiceAccount), strings.HasPrefix(key, prefixMounter):
		default:
			kept[key] = value
		}
	}
	return kept
}
