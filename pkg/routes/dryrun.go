package routes

import (
	"context"
	"errors"
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/cache"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
)

// Sync reads everything and returns what Run would do now, without writing to the
// cloud or to Kubernetes. It needs the Node informer to run, nothing else.
func (c *Controller) Sync(ctx context.Context) (Plan, error) {
	if !cache.WaitForCacheSync(ctx.Done(), c.synced) {
		return nil, context.Cause(ctx)
	}
	if err := c.tables.learn(ctx); err != nil {
		return nil, fmt.Errorf("plan routes: %w", err)
	}
	found := map[*corev1.Node]string{}
	var nodes []Node
	var problems []error
	var mu sync.Mutex
	forEach(c.allNodes(), func(node *corev1.Node) {
		n, foreign, _, err := c.resolve(ctx, node)
		if err == nil && !foreign && n.Standing == Routed {
			_, err = c.tables.need(ctx, n.VSwitch)
		}
		mu.Lock()
		defer mu.Unlock()
		switch {
		case err != nil:
			problems = append(problems, err)
			n.Standing = Unknown
		case foreign:
			return
		case n.Standing == Routed:
			found[node] = n.Server
		}
		nodes = append(nodes, n)
	})
	var tables []Table
	for _, t := range c.current() {
		if err := c.engine.read(ctx, t.memory); err != nil {
			return nil, fmt.Errorf("plan routes: %w", err)
		}
		tables = append(tables, t.table(c.tables.isNeeded(t.id)))
	}
	plan := Build(c.facts(), nodes, tables)
	switches, err := c.checksOn(ctx, found)
	if err != nil {
		problems = append(problems, err)
	}
	return append(plan, switches...), errors.Join(problems...)
}

// checksOn lists the source/destination checks that are on.
func (c *Controller) checksOn(ctx context.Context, servers map[*corev1.Node]string) (Plan, error) {
	nodeAt := map[string]string{}
	var addresses []string
	for node := range servers {
		if a, ok := internalIP(node); ok && a.Is4() {
			nodeAt[a.String()] = node.Name
			addresses = append(addresses, a.String())
		}
	}
	if len(addresses) == 0 {
		return nil, nil
	}
	interfaces, err := c.opts.Machines.Interfaces(ctx, ecs.InterfaceFilter{PrivateIPs: addresses, VPCID: c.opts.VPCID})
	if err != nil {
		return nil, err
	}
	action := SwitchOff
	if c.opts.KeepSourceDestCheck {
		action = Report
	}
	var plan Plan
	for address, nic := range index(interfaces) {
		if node, ok := nodeAt[address]; ok && nic.SourceDestCheck {
			plan = append(plan, Step{Action: action, Interface: nic.ID, Node: node, Why: "it drops the traffic of Pods"})
		}
	}
	return plan, nil
}
