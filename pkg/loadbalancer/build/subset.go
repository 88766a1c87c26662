package build

import (
	"cmp"
	"hash/fnv"
	"slices"
)

// slack is the part of a subset that may be missing before it is filled again:
// a server that leaves costs one call, not two.
const slack = 10 // 1/slack

// choose returns at most limit of the servers, and how many it left out because
// they are full. All are taken when there are not more. Else they are taken in
// rendezvous order over the load balancer and the server, the same number from
// each zone as far as possible, present members first: a subset changes as
// little as possible, and the subsets of many load balancers cover all servers
// evenly.
func choose(uid string, servers []Server, limit int, members map[string]bool, full func(string) bool) (chosen []Server, skipped int) {
	ranked := make([]candidate, 0, len(servers))
	kept := 0
	for _, s := range servers {
		member := members[s.ID]
		if !member && full != nil && full(s.ID) {
			skipped++
			continue
		}
		if member {
			kept++
		}
		ranked = append(ranked, candidate{Server: s, member: member, score: score(uid, s.ID)})
	}
	if len(ranked) <= limit {
		for _, c := range ranked {
			chosen = append(chosen, c.Server)
		}
		return chosen, skipped
	}
	slices.SortFunc(ranked, func(a, b candidate) int {
		return cmp.Or(-compareBool(a.member, b.member), -cmp.Compare(a.score, b.score), cmp.Compare(a.ID, b.ID))
	})
	zones := byZone(uid, ranked)
	if kept <= limit && kept > limit-max(limit/slack, 1) && allZonesServed(zones) {
		for _, c := range ranked[:kept] {
			chosen = append(chosen, c.Server)
		}
		return chosen, 0
	}
	for taken := 0; taken < limit; {
		for _, zone := range zones {
			if zone.take < len(zone.candidates) && taken < limit {
				zone.take++
				taken++
			}
		}
	}
	for _, zone := range zones {
		for _, c := range zone.candidates[:zone.take] {
			chosen = append(chosen, c.Server)
		}
	}
	return chosen, 0
}

type candidate struct {
	Server
	member bool
	score  uint64
}

// zone holds the candidates of one zone, best first.
type zone struct {
	name       string
	candidates []candidate
	take       int
}

// byZone groups ranked candidates; the order of zones differs from load balancer
// to load balancer, so that the remainder of the division does too.
func byZone(uid string, ranked []candidate) []*zone {
	index := map[string]*zone{}
	var zones []*zone
	for _, c := range ranked {
		z := index[c.Zone]
		if z == nil {
			z = &zone{name: c.Zone}
			index[c.Zone] = z
			zones = append(zones, z)
		}
		z.candidates = append(z.candidates, c)
	}
	slices.SortFunc(zones, func(a, b *zone) int {
		return cmp.Or(-cmp.Compare(score(uid, a.name), score(uid, b.name)), cmp.Compare(a.name, b.name))
	})
	return zones
}

// allZonesServed reports whether each zone has a member.
func allZonesServed(zones []*zone) bool {
	for _, z := range zones {
		if !z.candidates[0].member {
			return false
		}
	}
	return true
}

// score is the rendezvous weight of a pair.
func score(uid, id string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(uid))
	_, _ = h.Write([]byte{0})
	_, _ = h.Write([]byte(id))
	return mix(h.Sum64())
}

// mix spreads a hash over all bits: FNV alone orders similar names alike.
func mix(x uint64) uint64 {
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	default:
		return -1
	}
}
