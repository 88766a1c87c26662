package kubelet

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/kube-aliyun/kube-aliyun/test/sandbox"
)

// forwarding are what a node's kernel is told, below /proc/sys/net.
var forwarding = map[string]string{
	"ipv4/ip_forward": "1",
	// A Service's answer from a Pod to another on the same bridge has to pass
	// the rules that gave it the Service's address.
	"bridge/bridge-nf-call-iptables": "1",
}

// forwardingIPv6 is the same for nodes with both families.
var forwardingIPv6 = map[string]string{
	"ipv6/conf/all/forwarding":        "1",
	"bridge/bridge-nf-call-ip6tables": "1",
}

// prepareNetwork makes the server's kernel forward.
func (n *Node) prepareNetwork() error {
	settings := maps.Clone(forwarding)
	if n.options.IPv6 != "" {
		maps.Copy(settings, forwardingIPv6)
	}
	return sandbox.Within(n.options.Namespace, func() error {
		for name, value := range settings {
			if err := os.WriteFile(filepath.Join("/proc/sys/net", name), []byte(value), 0); err != nil {
				return fmt.Errorf("sysctl net/%s (is the module br_netfilter there?): %w", name, err)
			}
		}
		return nil
	})
}

// clearTimeout is for removing a node's rules.
const clearTimeout = 10 * time.Second

// clearNetwork removes from the server's network namespace what the node's
// programs have put there: the namespace may outlive the node. That of a server
// which was released has gone before.
func (n *Node) clearNetwork(ctx context.Context) error {
	if _, err := os.Stat(n.options.Namespace); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, clearTimeout)
	defer cancel()
	return sandbox.Within(n.options.Namespace, func() error {
		var problems []error
		link, err := netlink.LinkByName(bridge)
		if err == nil {
			problems = append(problems, netlink.LinkDel(link))
		}
		if output, err := exec.CommandContext(ctx, nftPath, "flush", "ruleset").CombinedOutput(); err != nil {
			problems = append(problems, fmt.Errorf("nft flush ruleset: %w: %s", err, output))
		}
		return errors.Join(problems...)
	})
}
