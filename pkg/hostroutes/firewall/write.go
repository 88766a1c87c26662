package firewall

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// Names of the chains and sets.
const (
	postrouting = "postrouting"
	forward     = "forward"
	direct4     = "direct4"
	direct6     = "direct6"
)

// write replaces the table in one transaction.
func (f *Firewall) write(c *nftables.Conn, own []netip.Prefix, fingerprint []byte) error {
	t := &nftables.Table{Name: Table, Family: nftables.TableFamilyINet}
	// Adding first makes the deletion good where there is no table.
	c.AddTable(t)
	c.DelTable(t)
	c.AddTable(t)
	chains := map[string]*nftables.Chain{}
	sets := map[string]*nftables.Set{}
	if f.settings.Masquerade {
		chains[postrouting] = c.AddChain(&nftables.Chain{
			Name: postrouting, Table: t, Type: nftables.ChainTypeNAT, Hooknum: nftables.ChainHookPostrouting, Priority: nftables.ChainPriorityNATSource,
		})
		for _, name := range []string{direct4, direct6} {
			set := &nftables.Set{Table: t, Name: name, Interval: true, KeyType: keyType(name)}
			if err := c.AddSet(set, elements(spans(f.settings.Direct, name == direct6))); err != nil {
				return fmt.Errorf("nftables set %s: %w", name, err)
			}
			sets[name] = set
		}
	}
	if f.settings.GuardMetadata {
		chains[forward] = c.AddChain(&nftables.Chain{
			Name: forward, Table: t, Type: nftables.ChainTypeFilter, Hooknum: nftables.ChainHookForward, Priority: nftables.ChainPriorityFilter,
		})
	}
	for _, r := range f.rules(own, sets) {
		c.AddRule(&nftables.Rule{Table: t, Chain: chains[r.chain], Exprs: r.body, UserData: fingerprint})
	}
	if err := c.Flush(); err != nil {
		return fmt.Errorf("write nftables table %s: %w", Table, err)
	}
	return nil
}

// rules are the rules for own ranges, one of each kind for each of them.
func (f *Firewall) rules(own []netip.Prefix, sets map[string]*nftables.Set) []rule {
	var rules []rule
	for _, p := range own {
		name := direct4
		if p.Addr().Is6() {
			name = direct6
		}
		if f.settings.Masquerade {
			lookup := &expr.Lookup{SourceRegister: 1, SetName: name, Invert: true}
			if set := sets[name]; set != nil {
				lookup.SetID = set.ID
			}
			rules = append(rules, rule{postrouting, append(append(source(p), destination(p)), lookup, &expr.Masq{})})
		}
		if f.settings.GuardMetadata && p.Addr().Is4() {
			rules = append(rules, rule{forward, append(append(source(p), destination(p)),
				&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: Metadata.Addr().AsSlice()}, &expr.Verdict{Kind: expr.VerdictDrop})})
		}
	}
	return rules
}

// source matches packets from a range.
func source(p netip.Prefix) []expr.Any {
	family, offset := byte(unix.NFPROTO_IPV4), uint32(12)
	if p.Addr().Is6() {
		family, offset = unix.NFPROTO_IPV6, 8
	}
	length := p.Addr().BitLen() / 8
	mask := make([]byte, length)
	for i := range p.Bits() {
		mask[i/8] |= 1 << (7 - i%8)
	}
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{family}},
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: uint32(length)},      // #nosec G115 -- 4 or 16
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: uint32(length), Mask: mask, Xor: make([]byte, length)}, // #nosec G115 -- 4 or 16
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: p.Addr().AsSlice()},
	}
}

// destination loads the destination of packets of a range's family.
func destination(p netip.Prefix) expr.Any {
	if p.Addr().Is6() {
		return &expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: 24, Len: 16}
	}
	return &expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: 16, Len: 4}
}

func keyType(name string) nftables.SetDatatype {
	if name == direct6 {
		return nftables.TypeIP6Addr
	}
	return nftables.TypeIPAddr
}

// elements are spans as a set of intervals has them: where each begins, and where
// what follows it does.
func elements(all []span) []nftables.SetElement {
	list := make([]nftables.SetElement, 0, 2*len(all))
	for _, s := range all {
		list = append(list, nftables.SetElement{Key: s.first.AsSlice()})
		if s.next.IsValid() {
			list = append(list, nftables.SetElement{Key: s.next.AsSlice(), IntervalEnd: true})
		}
	}
	return list
}

// matches tells whether the table is as write would make it.
func (f *Firewall) matches(c *nftables.Conn, own []netip.Prefix, fingerprint []byte) (bool, error) {
	t, err := table(c)
	if err != nil || t == nil {
		return false, err
	}
	chains, err := c.ListChainsOfTableFamily(nftables.TableFamilyINet)
	if err != nil {
		return false, fmt.Errorf("list nftables chains: %w", err)
	}
	count := map[string]int{}
	for _, r := range f.rules(own, nil) {
		count[r.chain]++
	}
	for _, chain := range chains {
		if chain.Table.Name != Table {
			continue
		}
		rules, err := c.GetRules(t, chain)
		if err != nil {
			return false, fmt.Errorf("list rules of nftables chain %s: %w", chain.Name, err)
		}
		count[chain.Name] -= len(rules)
		for _, r := range rules {
			if !bytes.Equal(r.UserData, fingerprint) {
				return false, nil
			}
		}
	}
	for _, missing := range count {
		if missing != 0 {
			return false, nil
		}
	}
	return f.setsMatch(c, t)
}

// identity tells elements of a set apart.
func identity(e nftables.SetElement) string {
	return hex.EncodeToString(e.Key) + strconv.FormatBool(e.IntervalEnd)
}

// setsMatch tells whether the sets hold what they should.
func (f *Firewall) setsMatch(c *nftables.Conn, t *nftables.Table) (bool, error) {
	if !f.settings.Masquerade {
		return true, nil
	}
	for _, name := range []string{direct4, direct6} {
		set, err := c.GetSetByName(t, name)
		if err != nil {
			return false, nil //nolint:nilerr // a set that cannot be read is made anew with the table
		}
		have, err := c.GetSetElements(set)
		if err != nil {
			return false, fmt.Errorf("list nftables set %s: %w", name, err)
		}
		present := map[string]bool{}
		for _, e := range have {
			present[identity(e)] = true
		}
		want := elements(spans(f.settings.Direct, name == direct6))
		for _, e := range want {
			if !present[identity(e)] {
				return false, nil
			}
			delete(present, identity(e))
		}
		// The kernel adds an end below the first range.
		for _, e := range have {
			if present[identity(e)] && !e.IntervalEnd {
				return false, nil
			}
		}
	}
	return true, nil
}
