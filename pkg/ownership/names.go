package ownership

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf8"
)

const (
	maxClusterID        = 63
	maxLoadBalancerName = 32
	maxACLUID           = 60
)

// ValidateClusterID reports why a cluster ID cannot be used: it goes into names,
// tags and descriptions, so it is up to 63 lower-case letters, digits, dashes,
// dots and underscores, a letter or digit at each end.
func ValidateClusterID(id string) error {
	if id == "" || len(id) > maxClusterID {
		return fmt.Errorf("cluster ID %q: length must be 1 to %d", id, maxClusterID)
	}
	for i, c := range id {
		alphanumeric := c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
		inner := i > 0 && i < len(id)-1 && (c == '-' || c == '.' || c == '_')
		if !alphanumeric && !inner {
			return fmt.Errorf("cluster ID %q: only lower-case letters, digits and inner '-', '.', '_' are allowed", id)
		}
	}
	return nil
}

// LoadBalancerName is the default name of a Service's load balancer: Kubernetes'
// own default, and what the first kube-aliyun used.
func LoadBalancerName(serviceUID string) string {
	return cut("a"+strings.ReplaceAll(serviceUID, "-", ""), maxLoadBalancerName)
}

// ACLName is the name of the access control list of a Service's source ranges of
// one address family. The API wants names to be unique, of 1 to 80 characters.
func ACLName(serviceUID, family string) string {
	return "kube-aliyun-" + cut(strings.ReplaceAll(serviceUID, "-", ""), maxACLUID) + "-" + family
}

// ClientToken makes an idempotency token out of what a request is for. Equal
// parts give equal tokens; it is 64 ASCII characters, the API's limit.
func ClientToken(parts ...string) string {
	hash := sha256.New()
	for _, part := range parts {
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		hash.Write(length[:])
		hash.Write([]byte(part))
	}
	return hex.EncodeToString(hash.Sum(nil))
}

// cut shortens s to at most n bytes, at a character's border.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// withoutURLs drops what the API refuses in names, descriptions and tag values:
// "http://" and "https://", control characters and broken text.
func withoutURLs(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == utf8.RuneError {
			return -1
		}
		return r
	}, s)
	for strings.Contains(s, "://") {
		s = strings.ReplaceAll(s, "://", " ")
	}
	return strings.TrimSpace(s)
}

// IsDefaultName reports whether a name has the form of LoadBalancerName: it names
// some Service's load balancer.
func IsDefaultName(name string) bool {
	if len(name) != maxLoadBalancerName || name[0] != 'a' {
		return false
	}
	return strings.Trim(name[1:], "0123456789abcdef") == ""
}
