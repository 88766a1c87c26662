// Package firewall keeps the nftables rules that a host needs for its own Pods'
// traffic out of the cluster: masquerade, as kubenet did, and a guard of the
// instance metadata. All of it is in one table of its own, which is replaced as a
// whole in one transaction. It speaks netlink, so that no program nft is needed.
package firewall

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/vishvananda/netns"
)

// Table is the name of the table, of family inet.
const Table = "hostroutes"

// Metadata is the address of the instance metadata.
var Metadata = netip.MustParsePrefix("100.100.100.200/32")

// Settings say which rules there are.
type Settings struct {
	// Masquerade gives packets of own Pods to addresses outside of Direct the
	// host's address.
	Masquerade bool
	// Direct are the ranges that see Pods' own addresses.
	Direct []netip.Prefix
	// GuardMetadata drops packets of own Pods to the instance metadata, which
	// tells the server's user data and its role's keys to whoever asks.
	GuardMetadata bool
}

// Firewall keeps the rules of a network namespace.
type Firewall struct {
	namespace netns.NsHandle
	settings  Settings
}

// New returns the rules for a namespace; netns.None() is this process's own.
func New(namespace netns.NsHandle, settings Settings) *Firewall {
	return &Firewall{namespace: namespace, settings: settings}
}

// Sync makes the table what the host's own ranges ask for, and tells whether it
// was written. A table that somebody has changed or removed is made anew.
func (f *Firewall) Sync(own []netip.Prefix) (bool, error) {
	c, err := f.open()
	if err != nil {
		return false, err
	}
	fingerprint := f.fingerprint(own)
	same, err := f.matches(c, own, fingerprint)
	if err != nil || same {
		return false, err
	}
	if err := f.write(c, own, fingerprint); err != nil {
		return false, err
	}
	return true, nil
}

// Remove removes the table, and tells whether there was one.
func (f *Firewall) Remove() (bool, error) {
	c, err := f.open()
	if err != nil {
		return false, err
	}
	t, err := table(c)
	if err != nil || t == nil {
		return false, err
	}
	c.DelTable(t)
	if err := c.Flush(); err != nil {
		return false, fmt.Errorf("remove nftables table %s: %w", Table, err)
	}
	return true, nil
}

// Exists tells whether there is a table.
func (f *Firewall) Exists() (bool, error) {
	c, err := f.open()
	if err != nil {
		return false, err
	}
	t, err := table(c)
	return t != nil, err
}

func (f *Firewall) open() (*nftables.Conn, error) {
	var options []nftables.ConnOption
	if f.namespace.IsOpen() {
		options = append(options, nftables.WithNetNSFd(int(f.namespace)))
	}
	c, err := nftables.New(options...)
	if err != nil {
		return nil, fmt.Errorf("nftables: %w", err)
	}
	return c, nil
}

// table finds the table, nil for none.
func table(c *nftables.Conn) (*nftables.Table, error) {
	all, err := c.ListTablesOfFamily(nftables.TableFamilyINet)
	if err != nil {
		return nil, fmt.Errorf("list nftables tables: %w", err)
	}
	for _, t := range all {
		if t.Name == Table {
			return t, nil
		}
	}
	return nil, nil
}

// fingerprint tells rules apart that were made for different ranges, or by another
// version of this program.
func (f *Firewall) fingerprint(own []netip.Prefix) []byte {
	sum := sha256.Sum256(fmt.Appendf(nil, "1 %v %v", f.settings, own))
	return []byte("hostroutes " + hex.EncodeToString(sum[:8]))
}

// rule is a rule that the table should have.
type rule struct {
	chain string
	body  []expr.Any
}
