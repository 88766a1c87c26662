package config

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Volumes are the settings of disks in Pods.
type Volumes struct {
	// Socket is where the FlexVolume driver is served; empty: nowhere.
	Socket string
	// Group is the group of the socket and its directory; -1 leaves the process's.
	Group int
	// Peers are the uids that may use the socket, beside root and the process's own.
	Peers []int
	// Inline is deny, tagged or any: which Pods may name disks themselves.
	Inline string
	// PerServer is how many attaches and detaches a server gets at a time.
	PerServer int
}

var socketPattern = regexp.MustCompile(`^/[^\x00]{1,100}$`)

// uids takes a comma-separated list of numbers.
func uids(p func(*Config) *[]int) func(*Config, string) error {
	return func(c *Config, v string) error {
		var all []int
		for item := range strings.SplitSeq(v, ",") {
			uid, err := strconv.Atoi(strings.TrimSpace(item))
			if err != nil || uid < 0 {
				return fmt.Errorf("%q is not a uid", item)
			}
			all = append(all, uid)
		}
		*p(c) = all
		return nil
	}
}
