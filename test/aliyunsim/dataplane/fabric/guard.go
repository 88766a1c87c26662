package fabric

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/sandbox"
)

// translated marks the packets of connections whose destination was changed.
const translated = 0x40000000

// nftLimit bounds one call of nft.
const nftLimit = 10 * time.Second

// nft changes a namespace's filters, all of them or none.
func nft(ctx context.Context, n *sandbox.Namespace, script string) error {
	ctx, cancel := context.WithTimeout(ctx, nftLimit)
	defer cancel()
	return n.Do(func() error {
		cmd := exec.CommandContext(ctx, "nft", "-f", "-")
		cmd.Stdin = strings.NewReader(script)
		var output bytes.Buffer
		cmd.Stdout, cmd.Stderr = &output, &output
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("nft: %w: %s", err, bytes.TrimSpace(output.Bytes()))
		}
		return nil
	})
}

// markTranslated marks what DNAT has handled, at its priority of -100 and for the
// replies.
func (r *router) markTranslated(ctx context.Context) error {
	var script strings.Builder
	for _, family := range []string{"ip", "ip6"} {
		fmt.Fprintf(&script, `table %s fabric {
	chain prerouting {
		type filter hook prerouting priority -90;
		ct status dnat meta mark set meta mark | %#x
	}
}
`, family, uint32(translated))
	}
	return nft(ctx, r.ns, script.String())
}

// members are the servers of a VPC.
func (f *Fabric) members(vpc string) []*server {
	var out []*server
	for _, s := range f.servers {
		if s.VPC == vpc {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b *server) int { return strings.Compare(a.ID, b.ID) })
	return out
}

// syncGuard drops what servers with a source and destination check send from
// foreign addresses, and what is sent to foreign addresses through them.
func (r *router) syncGuard(ctx context.Context, servers []*server) error {
	script := guardScript(servers)
	if script == r.guard {
		return nil
	}
	if err := nft(ctx, r.ns, script); err != nil {
		return err
	}
	r.guard = script
	return nil
}

func guardScript(servers []*server) string {
	var ports, own4, own6 []string
	for _, s := range servers {
		if !s.SourceDestCheck {
			continue
		}
		ports = append(ports, s.portName())
		for _, address := range s.addresses() {
			own := s.portName() + " . " + address.String()
			if address.Is4() {
				own4 = append(own4, own)
			} else {
				own6 = append(own6, own)
			}
		}
	}
	return fmt.Sprintf(`table bridge guard
delete table bridge guard
table bridge guard {
	set checked { type ifname; %s }
	set own4 { type ifname . ipv4_addr; %s }
	set own6 { type ifname . ipv6_addr; %s }
	chain prerouting {
		type filter hook prerouting priority 0;
		iifname != @checked accept
		ether type ip iifname . ip saddr != @own4 drop
		ip6 saddr { fe80::/10, :: } accept
		ether type ip6 iifname . ip6 saddr != @own6 drop
	}
	chain postrouting {
		type filter hook postrouting priority 0;
		oifname != @checked accept
		ether type ip oifname . ip daddr != @own4 drop
		ip6 daddr { fe80::/10, ff00::/8 } accept
		ether type ip6 oifname . ip6 daddr != @own6 drop
	}
}
`, elements(ports), elements(own4), elements(own6))
}

func elements(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return "elements = { " + strings.Join(list, ", ") + " }"
}
