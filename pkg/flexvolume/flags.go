package flexvolume

import (
	"fmt"
	"regexp"
	"strings"
)

var plainFlag = regexp.MustCompile(`^[A-Za-z0-9_.:=+-]+$`)

// refusedFlags do something else than mount the disk at the given place, or make
// the kernel open another file or device than the disk.
var refusedFlags = map[string]bool{
	"bind": true, "rbind": true, "move": true, "remount": true, "loop": true, "offset": true, "sizelimit": true,
	"shared": true, "rshared": true, "slave": true, "rslave": true, "private": true, "rprivate": true,
	"unbindable": true, "runbindable": true, "helper": true, "uhelper": true, "user": true, "users": true,
	"owner": true, "group": true, "logdev": true, "rtdev": true, "journal_path": true, "journal_dev": true,
}

// parseFlags splits the comma list of mount options that a volume carries. It
// keeps what file systems understand and refuses what is no option of one.
func parseFlags(list string) ([]string, error) {
	var flags []string
	for flag := range strings.SplitSeq(list, ",") {
		flag = strings.TrimSpace(flag)
		if flag == "" {
			continue
		}
		name, _, _ := strings.Cut(strings.ToLower(flag), "=")
		if !plainFlag.MatchString(flag) || refusedFlags[name] || strings.HasPrefix(name, "x-") {
			return nil, fmt.Errorf("the volume's option %s holds a mount option that is not allowed; "+
				"allowed are options of the file system, such as noatime,nodiratime", keyFlags)
		}
		flags = append(flags, flag)
	}
	return flags, nil
}

// mkfsFlag are the options of mke2fs and mkfs.xfs that shape a file system.
var (
	mkfsFlag  = regexp.MustCompile(`^-[bCEgGiIKLmnNOrsT]$|^-[dil]$`)
	mkfsValue = regexp.MustCompile(`^[A-Za-z0-9_.,:=^%]+$`)
	// Values that name another file or device.
	mkfsRefused = regexp.MustCompile(`(^|,)(name|file|logdev|rtdev|device|offset|root_owner)=`)
)

// parseMkfs splits the options for making a file system at spaces.
func parseMkfs(text string) ([]string, error) {
	words := strings.Fields(text)
	value := true
	for _, word := range words {
		switch {
		case mkfsFlag.MatchString(word):
			value = false
		// A value follows its option, so that no word is taken for the device.
		case value || !mkfsValue.MatchString(word) || mkfsRefused.MatchString(word):
			return nil, fmt.Errorf("the volume's option %s is not allowed; allowed are options of mkfs that shape the file system, "+
				"such as \"-i 8192\", each apart from its value", keyMkfs)
		default:
			value = true
		}
	}
	return words, nil
}
