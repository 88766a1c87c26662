package slb

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// saved is the whole state as JSON.
type saved struct {
	LoadBalancers []*loadBalancer  `json:"loadBalancers"`
	Certificates  []*certificate   `json:"certificates,omitempty"`
	AccessLists   []*accessList    `json:"accessLists,omitempty"`
	Zones         []zone           `json:"zones,omitempty"`
	Tokens        api.ClientTokens `json:"tokens"`
	NextSeq       int64            `json:"nextSeq"`
	NextPublic    map[string]int   `json:"nextPublicAddress,omitempty"`
}

// Dump implements api.State.
func (p *Product) Dump() (json.RawMessage, error) {
	data, err := json.Marshal(saved{
		LoadBalancers: p.order,
		Certificates: slices.SortedFunc(maps.Values(p.certificates), func(a, b *certificate) int {
			return cmp.Compare(a.ID, b.ID)
		}),
		AccessLists: p.aclsByID(), Zones: p.zones, Tokens: p.tokens,
		NextSeq: p.nextSeq, NextPublic: p.nextPublic,
	})
	if err != nil {
		return nil, fmt.Errorf("dump SLB state: %w", err)
	}
	return data, nil
}

// Restore implements api.State.
func (p *Product) Restore(data json.RawMessage) error {
	var s saved
	if err := json.Unmarshal(data, &s); err != nil {
		return fmt.Errorf("restore SLB state: %w", err)
	}
	p.clear()
	p.zones = s.Zones
	for _, x := range s.Certificates {
		p.certificates[x.ID] = x
	}
	for _, x := range s.AccessLists {
		p.acls[x.ID] = x
	}
	for _, lb := range s.LoadBalancers {
		p.insert(lb)
	}
	p.tokens = s.Tokens
	p.nextSeq = max(p.nextSeq, s.NextSeq)
	maps.Copy(p.nextPublic, s.NextPublic)
	return nil
}
