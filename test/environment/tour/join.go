package tour

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/ecs"
	"github.com/kube-aliyun/kube-aliyun/test/environment/cloud"
)

// serversJoin adds servers and follows what comes of it.
func (t *tour) serversJoin(ctx context.Context) error {
	_, start, err := cloud.Count(ctx, t.Region, t.begin)
	if err != nil {
		return err
	}
	t.Console.Say("Two servers are bought, and their kubelets start. They are looked up and get their routes, as many " +
		"in one call as come at the same moment, and then join each load balancer in one call: a server is in it once, " +
		"and not once a port.")
	for i, vSwitch := range t.VSwitches {
		id := t.Servers + strconv.Itoa(t.nextNumber()+i)
		if _, err := t.Region.CreateServer(ctx, ecs.ServerSeed{ID: id, VSwitch: vSwitch, Type: "ecs.g7.2xlarge"}); err != nil {
			return fmt.Errorf("adding a server: %w", err)
		}
		t.joined = append(t.joined, id)
	}
	what := strings.Join(t.joined, " and ") + " are Nodes, have routes and are behind each load balancer"
	if err := t.until(ctx, usual, what, t.allJoined, initialised, routed, balanced); err != nil {
		return err
	}
	if err := t.showNodes(ctx); err != nil {
		return err
	}
	w, err := t.look(ctx)
	if err != nil {
		return err
	}
	return t.compare(ctx, start, t.joinPrice(w))
}

// joinPrice is the price of the servers that joined. The Nodes of real ones may
// register apart, and then each load balancer is called for each.
func (t *tour) joinPrice(w world) price {
	p := joined(w, len(t.joined))
	if t.Real != nil {
		p.most += len(w.LoadBalancers) * (len(t.joined) - 1)
	}
	return p
}

// nextNumber is the first number that no server's id has.
func (t *tour) nextNumber() int {
	next := 1
	for _, id := range t.old {
		if n, err := strconv.Atoi(strings.TrimPrefix(id, t.Servers)); err == nil {
			next = max(next, n+1)
		}
	}
	return next
}

func (t *tour) allJoined(w world) string {
	for _, id := range t.joined {
		if w.node(id) == nil {
			return fmt.Sprintf("server %s has no Node yet", id)
		}
	}
	return ""
}
