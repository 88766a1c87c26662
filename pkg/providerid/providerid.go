// Package providerid reads and writes Node provider IDs of Alibaba Cloud
// servers. The written form is "<region>.<instance-id>", which Alibaba Cloud's
// own components expect; the same with a scheme in front is read as well.
package providerid

import (
	"errors"
	"fmt"
	"strings"
)

// ErrForeign says that a provider ID does not name an Alibaba Cloud server.
var ErrForeign = errors.New("not the provider ID of an Alibaba Cloud server")

// schemes are the prefixes that are accepted and never written.
var schemes = []string{"alicloud://", "aliyun://"}

const (
	serverPrefix = "i-"
	// maxLength bounds each half; the API's own names are far shorter.
	maxLength = 64
)

// Format returns the provider ID of a server.
func Format(region, server string) string {
	return region + "." + server
}

// Parse splits a provider ID into region and instance ID. It accepts
// "region.i-x", "alicloud://region.i-x" and "aliyun://region.i-x"; anything
// else, the empty string too, is ErrForeign.
func Parse(providerID string) (region, server string, err error) {
	rest := providerID
	for _, scheme := range schemes {
		if after, found := strings.CutPrefix(providerID, scheme); found {
			rest = after
			break
		}
	}
	region, server, found := strings.Cut(rest, ".")
	if !found || !isRegion(region) || !IsServer(server) {
		return "", "", fmt.Errorf("provider ID %q: %w", providerID, ErrForeign)
	}
	return region, server, nil
}

// IsOurs reports whether a provider ID names a server of the region.
func IsOurs(providerID, region string) bool {
	in, _, err := Parse(providerID)
	return err == nil && in == region
}

// IsServer reports whether s has the form of an instance ID ("i-" and letters,
// digits or dashes).
func IsServer(s string) bool {
	rest, found := strings.CutPrefix(s, serverPrefix)
	if !found || rest == "" || len(s) > maxLength {
		return false
	}
	for _, c := range rest {
		if !isLower(c) && !isDigit(c) && c != '-' && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return true
}

// isRegion reports whether s has the form of a region ID, such as cn-hangzhou
// or ap-southeast-1.
func isRegion(s string) bool {
	if len(s) > maxLength || !strings.Contains(s, "-") || strings.HasSuffix(s, "-") {
		return false
	}
	for i, c := range s {
		if i == 0 && !isLower(c) {
			return false
		}
		if !isLower(c) && !isDigit(c) && c != '-' {
			return false
		}
	}
	return true
}

func isLower(c rune) bool { return c >= 'a' && c <= 'z' }

func isDigit(c rune) bool { return c >= '0' && c <= '9' }
