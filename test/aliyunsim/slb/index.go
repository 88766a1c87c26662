package slb

import (
	"slices"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// insert takes a new load balancer into the state and its indices.
func (p *Product) insert(lb *loadBalancer) {
	p.nextSeq = max(p.nextSeq, lb.Seq)
	lb.servers = map[string]int{}
	p.order = append(p.order, lb)
	p.indexTags(lb, lb.Tags)
	if !lb.GoneAt.IsZero() {
		p.due.add(lb.GoneAt, func() { p.drop(lb) })
		return
	}
	p.byID[lb.ID] = lb
	if lb.AddressType == internet {
		p.public[lb.Address] = struct{}{}
	}
	p.count(lb, lb.Backends, 1)
	for _, g := range lb.Groups {
		g.owner = lb
		p.groups[g.ID] = g
		p.count(lb, g.Members, 1)
	}
	for _, l := range lb.Listeners {
		p.schedule(l)
	}
	p.scheduleReserved(lb)
}

// remove deletes a load balancer with its listeners, groups and tags. Lists show
// it, as it was, until gone.
func (p *Product) remove(lb *loadBalancer, gone time.Time) {
	delete(p.byID, lb.ID)
	for _, g := range lb.Groups {
		delete(p.groups, g.ID)
		p.count(lb, g.Members, -1)
	}
	p.count(lb, lb.Backends, -1)
	p.release(lb)
	if n, ok := p.network().(api.ServerNetwork); ok {
		n.TargetReleased(lb.ID) // its elastic address stays its owner's
	}
	lb.Listeners, lb.Groups, lb.Backends, lb.Reserved = nil, nil, nil, nil
	lb.GoneAt = gone
	if !gone.After(p.now) {
		p.drop(lb)
		return
	}
	p.due.add(gone, func() { p.drop(lb) })
}

// drop takes a deleted load balancer out of lists.
func (p *Product) drop(lb *loadBalancer) {
	p.unindexTags(lb, lb.Tags)
	p.order = slices.DeleteFunc(p.order, func(x *loadBalancer) bool { return x == lb })
}

// indexTags and unindexTags keep the index behind lists by tag.
func (p *Product) indexTags(lb *loadBalancer, tags []tag) {
	for _, t := range tags {
		k := tagKey{t.Key, t.Value}
		if p.tagged[k] == nil {
			p.tagged[k] = map[*loadBalancer]struct{}{}
		}
		p.tagged[k][lb] = struct{}{}
	}
}

func (p *Product) unindexTags(lb *loadBalancer, tags []tag) {
	for _, t := range tags {
		k := tagKey{t.Key, t.Value}
		delete(p.tagged[k], lb)
		if len(p.tagged[k]) == 0 {
			delete(p.tagged, k)
		}
	}
}

// count adds or takes away the memberships of members in lb.
func (p *Product) count(lb *loadBalancer, members []member, by int) {
	for _, m := range members {
		bump(lb.servers, m.backend(), by)
		if p.attached[m.Host] == nil {
			p.attached[m.Host] = map[*loadBalancer]int{}
		}
		bump(p.attached[m.Host], lb, by)
		if len(p.attached[m.Host]) == 0 {
			delete(p.attached, m.Host)
		}
	}
}

func bump[K comparable](counts map[K]int, key K, by int) {
	counts[key] += by
	if counts[key] == 0 {
		delete(counts, key)
	}
}

// byAge orders load balancers as lists do.
func byAge(a, b *loadBalancer) int {
	return int(min(1, max(-1, a.Seq-b.Seq)))
}
