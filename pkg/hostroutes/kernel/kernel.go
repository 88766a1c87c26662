// Package kernel reads and changes the routes of a network namespace, reads its
// links and addresses, and tells when they change, all through netlink. It needs
// CAP_NET_ADMIN and nothing else.
package kernel

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// timeout bounds a wait for the kernel's answer.
const timeout = 10 * time.Second

// DefaultBuffer holds the news of some 20,000 changes, in bytes.
const DefaultBuffer = 4 << 20

// Kernel is the network of a namespace.
type Kernel struct {
	namespace netns.NsHandle
	netlink   *netlink.Handle
	writes    atomic.Int64
}

// Open opens the network of a namespace; netns.None() is this process's own.
func Open(namespace netns.NsHandle) (*Kernel, error) {
	h, err := netlink.NewHandleAt(namespace, unix.NETLINK_ROUTE)
	if err == nil {
		err = h.SetSocketTimeout(timeout)
	}
	if err != nil {
		return nil, fmt.Errorf("netlink: %w", err)
	}
	return &Kernel{namespace: namespace, netlink: h}, nil
}

// Close gives the sockets back.
func (k *Kernel) Close() { k.netlink.Close() }

// Writes is how many changes were asked for since Open.
func (k *Kernel) Writes() int64 { return k.writes.Load() }

// families are those whose routes are read.
var families = []int{nl.FAMILY_V4, nl.FAMILY_V6}
