package balance

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/network"
)

// table is the nftables table of a router's load balancers.
const table = "inet balance"

// Base chains. Admission runs before destinations are rewritten, and is a filter:
// what it refuses leaves no trace in connection tracking that later packets of a
// UDP conversation would follow.
const (
	admission  = "admission"
	forwarding = "forwarding"
)

// hashSeed makes a client's hash the same in every version of the rules.
const hashSeed = "0x5eed"

// ruleset is the program for a router: objects and rules. Rules are replaced with
// every version; sets are kept, as they remember clients.
type ruleset struct {
	chains   []string
	sets     []string
	timeouts map[string]string
	// defined says how chains and sets are made.
	defined map[string]string
	rules   []string
	// entries lead from a frontend to chains, per base chain and family.
	entries map[[2]string][]string
}

// render writes the rules for services.
func render(services []service) *ruleset {
	rs := &ruleset{timeouts: map[string]string{}, defined: map[string]string{}, entries: map[[2]string][]string{}}
	rs.chain(admission, "type filter hook prerouting priority -150 ; policy accept ;")
	rs.chain(forwarding, "type nat hook prerouting priority -100 ; policy accept ;")
	for _, s := range services {
		rs.admit(s)
		if !s.proxied() && len(s.chosen) > 0 {
			rs.forward(s)
		}
	}
	for _, base := range []string{admission, forwarding} {
		for _, family := range []string{"ip", "ip6"} {
			if entries := rs.entries[[2]string{base, family}]; len(entries) > 0 {
				rs.rule(base, "ct state new", family, "daddr . meta l4proto . th dport vmap {", strings.Join(entries, ", "), "}")
			}
		}
	}
	return rs
}

// admit is the chain that keeps connections out.
func (rs *ruleset) admit(s service) {
	family := family(s.address)
	chain := rs.branch(admission, s)
	if access := s.listener.Access; access != nil && len(access.Entries) > 0 {
		entries := prefixes(access.Entries, s.address.Is4())
		switch {
		case !access.White && entries != "":
			rs.rule(chain, family, "saddr {", entries, "} drop")
		case access.White && entries != "":
			rs.rule(chain, family, "saddr != {", entries, "} drop")
		case access.White:
			rs.rule(chain, "drop")
		}
	}
	if s.proxied() {
		return
	}
	if own := backendAddresses(s); own != "" {
		rs.rule(chain, family, "saddr {", own, "} drop")
	}
	switch {
	case len(s.chosen) == 0 && s.transport == "tcp":
		rs.rule(chain, "meta l4proto tcp reject with tcp reset")
	case len(s.chosen) == 0:
		rs.rule(chain, "reject with icmpx port-unreachable")
	case s.listener.Established > 0 && s.transport == "tcp":
		seconds := strconv.Itoa(int(s.listener.Established.Seconds()))
		name := "established-" + family + "-" + seconds
		rs.timeouts[name] = "protocol tcp ; l3proto " + family + " ; policy = { established : " + seconds + " } ;"
		rs.rule(chain, "ct timeout set", strconv.Quote(name))
	}
}

// forward are the chains that choose a backend and rewrite the destination.
func (rs *ruleset) forward(s service) {
	chain := rs.branch(forwarding, s)
	targets := make([]string, len(s.chosen))
	for i, backend := range s.chosen {
		targets[i] = rs.backend(s, backend)
		if s.listener.Persistence > 0 {
			rs.rule(chain, family(s.address), "saddr", "@"+keep(targets[i]), "goto", targets[i])
		}
	}
	of := weights(s.listener.Scheduler, s.chosen)
	if turns := round(of); turns != nil && s.listener.Scheduler != network.SourceHash {
		elements := make([]string, len(turns))
		for turn, i := range turns {
			elements[turn] = strconv.Itoa(turn) + " : goto " + targets[i]
		}
		rs.rule(chain, "numgen inc mod", strconv.Itoa(len(turns)), "vmap {", strings.Join(elements, ", "), "}")
		return
	}
	elements := make([]string, len(of))
	sum := 0
	for i, weight := range of {
		elements[i] = fmt.Sprintf("%d-%d : goto %s", sum, sum+weight-1, targets[i])
		sum += weight
	}
	draw := []string{"numgen random mod", strconv.Itoa(sum)}
	if s.listener.Scheduler == network.SourceHash {
		draw = []string{"jhash", family(s.address), "saddr mod", strconv.Itoa(sum), "seed", hashSeed}
	}
	rs.rule(chain, append(draw, "vmap {", strings.Join(elements, ", "), "}")...)
}

// backend is the chain for a backend.
func (rs *ruleset) backend(s service, backend network.Backend) string {
	to := s.destination(backend).backend
	chain := rs.chain(name("to", s.String(), to.Addr().String(), strconv.Itoa(int(to.Port()))), "")
	family := family(s.address)
	if s.listener.Persistence > 0 {
		set := keep(chain)
		rs.sets = append(rs.sets, set)
		kind := map[string]string{"ip": "ipv4_addr", "ip6": "ipv6_addr"}[family]
		rs.defined[set] = fmt.Sprintf("type %s ; flags dynamic,timeout ; size 65536 ;", kind)
		rs.rule(chain, "update @"+set, "{", family, "saddr timeout", fmt.Sprintf("%dms", s.listener.Persistence.Milliseconds()), "}")
	}
	rs.rule(chain, "meta l4proto", s.transport, "dnat", family, "to", to.String())
	return chain
}

// branch is a service's chain below a base chain.
func (rs *ruleset) branch(base string, s service) string {
	chain := rs.chain(name(base, s.String()), "")
	at := [2]string{base, family(s.address)}
	rs.entries[at] = append(rs.entries[at], fmt.Sprintf("%s . %s . %d : goto %s", s.address, s.transport, s.number, chain))
	return chain
}

func (rs *ruleset) chain(name, definition string) string {
	rs.chains = append(rs.chains, name)
	rs.defined[name] = definition
	return name
}

func (rs *ruleset) rule(chain string, words ...string) {
	rs.rules = append(rs.rules, "add rule "+table+" "+chain+" "+strings.Join(words, " "))
}

// keep is the set of the clients that stay with a backend.
func keep(chain string) string { return "keep-" + chain }

// name makes an identifier of nftables.
func name(parts ...string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x80 && (r == '/' || r == '-' || r == '.' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z') {
			return r
		}
		return '_'
	}, strings.Join(parts, "/"))
}

func family(address netip.Addr) string {
	if address.Is4() {
		return "ip"
	}
	return "ip6"
}

// prefixes writes those of a family, without those that others contain.
func prefixes(entries []netip.Prefix, v4 bool) string {
	sorted := slices.Clone(entries)
	for i := range sorted {
		sorted[i] = sorted[i].Masked()
	}
	slices.SortFunc(sorted, func(a, b netip.Prefix) int { return a.Bits() - b.Bits() })
	var kept []netip.Prefix
	for _, entry := range sorted {
		inside := func(wider netip.Prefix) bool { return wider.Overlaps(entry) }
		if entry.Addr().Is4() == v4 && !slices.ContainsFunc(kept, inside) {
			kept = append(kept, entry)
		}
	}
	words := make([]string, len(kept))
	for i, entry := range kept {
		words[i] = entry.String()
	}
	return strings.Join(words, ", ")
}

// backendAddresses writes the addresses that may not be clients.
func backendAddresses(s service) string {
	var words []string
	for _, backend := range s.listener.Backends {
		if word := backend.Address.String(); backend.Address.Is4() == s.address.Is4() && !slices.Contains(words, word) {
			words = append(words, word)
		}
	}
	return strings.Join(words, ", ")
}
