package kernel

import (
	"fmt"
	"net"

	"github.com/vishvananda/netlink"

	"github.com/kube-aliyun/kube-aliyun/pkg/hostroutes/plan"
)

// Links lists the links with their addresses.
func (k *Kernel) Links() ([]plan.Link, error) {
	list, err := undisturbed(k.netlink.LinkList)
	if err != nil {
		return nil, fmt.Errorf("list links: %w", err)
	}
	links := make([]plan.Link, 0, len(list))
	index := make(map[int]int, len(list))
	for _, l := range list {
		attributes := l.Attrs()
		index[attributes.Index] = len(links)
		links = append(links, plan.Link{Index: attributes.Index, Name: attributes.Name, Up: attributes.Flags&net.FlagUp != 0})
	}
	for _, family := range families {
		addresses, err := undisturbed(func() ([]netlink.Addr, error) { return k.netlink.AddrList(nil, family) })
		if err != nil {
			return nil, fmt.Errorf("list addresses: %w", err)
		}
		for i := range addresses {
			if p, ok := prefix(addresses[i].IPNet); ok {
				if at, found := index[addresses[i].LinkIndex]; found {
					links[at].Prefixes = append(links[at].Prefixes, p)
				}
			}
		}
	}
	return links, nil
}
