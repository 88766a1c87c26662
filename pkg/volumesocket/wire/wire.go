// Package wire is what the FlexVolume driver and the controller say to each
// other over the volume socket of a master: one request and one reply for each
// connection, each of them one line of JSON of at most MaxSize bytes.
//
// Either side may be older than the other. Members that a side does not know
// are ignored, and new ones are optional; what cannot be added that way takes a
// new Version, which the older side refuses with a VersionError.
//
// The package stands on the standard library alone, since the driver is started
// several times for each volume and must stay small.
package wire

import (
	"fmt"
	"strings"
)

// Version is the version of the protocol that this package speaks.
const Version = 1

// DefaultSocket is where the controller listens on each master. Its directory,
// not the socket, is mounted into kube-controller-manager, so that a socket made
// anew is seen.
const DefaultSocket = "/run/kube-aliyun/volumes/volumes.sock"

// MaxSize is how long a request or a reply may be in bytes, its newline included.
const MaxSize = 64 << 10

// Verb is what the driver asks for.
type Verb string

// The calls of a FlexVolume driver that need the cloud.
const (
	// Attach brings the disk of a volume to a server and answers with Device.
	Attach Verb = "attach"
	// Detach takes it from that server, and succeeds if it is not there.
	Detach Verb = "detach"
	// IsAttached changes nothing and answers with Attached.
	IsAttached Verb = "isattached"
)

// Request is one call of the driver.
type Request struct {
	// Version is set by Call and checked by ReadRequest.
	Version int `json:"version"`
	// Verb is one of the constants above.
	Verb Verb `json:"verb"`
	// Volume is Kubernetes' name of the volume: the PersistentVolume's, or the one
	// that an inline volume has in its Pod.
	Volume string `json:"volume"`
	// Node is the name of the Node.
	Node string `json:"node"`
	// Options are the volume's as the driver got them, without what belongs to a
	// Pod and without secrets. Detach has none. They are a claim, not a proof: of a
	// PersistentVolume the controller reads the disk itself.
	Options map[string]string `json:"options,omitempty"`
}

// Reply is the controller's answer.
type Reply struct {
	// Version is set by WriteReply and checked by Call.
	Version int `json:"version"`
	// Error is why the request failed, one sentence for people; empty for success.
	Error string `json:"error,omitempty"`
	// Device answers Attach: a path of the form DevicePath, which names the disk's
	// serial and stays the same wherever the disk is attached.
	Device string `json:"device,omitempty"`
	// Attached answers IsAttached. Nil says nothing, and never "not attached".
	Attached *bool `json:"attached,omitempty"`
}

// VersionError is a peer that speaks another version of the protocol.
type VersionError struct {
	// Theirs is the peer's version; 0 if it named none.
	Theirs int
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("the peer speaks version %d of the volume socket's protocol and this program version %d; "+
		"install aliyun-flexv and aliyun-controller of the same release", e.Theirs, Version)
}

// devicePrefix is the link that udev makes for a virtio disk. NVMe disks have
// another one; the path is a name here, which the node side never opens as it is.
const devicePrefix = "/dev/disk/by-id/virtio-"

// DevicePath is the stable name of a disk, as Reply.Device carries it:
// /dev/disk/by-id/virtio-SERIAL. An empty serial stands for the usual one, the
// disk's id without its "d-". For any other serial, which old disks have
// (SerialNumber of DescribeDisks), the path names the disk too, as
// virtio-SERIAL.d-ID, so that the node side need not take a serial on trust.
func DevicePath(disk, serial string) string {
	if serial == "" || serial == usualSerial(disk) {
		return devicePrefix + usualSerial(disk)
	}
	return devicePrefix + serial + "." + disk
}

// ParseDevice reads the id of the disk and its serial out of a path that
// DevicePath made, and is false for any other.
func ParseDevice(device string) (disk, serial string, ok bool) {
	name, ok := strings.CutPrefix(device, devicePrefix)
	if !ok || name == "" {
		return "", "", false
	}
	if at := strings.LastIndex(name, "."+diskPrefix); at > 0 {
		return name[at+1:], name[:at], true
	}
	return diskPrefix + name, name, true
}

const diskPrefix = "d-"

func usualSerial(disk string) string { return strings.TrimPrefix(disk, diskPrefix) }
