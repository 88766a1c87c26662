package tour

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-aliyun/kube-aliyun/test/environment/cloud"
)

// shutdownTaint is on the Nodes of stopped servers.
const shutdownTaint = "node.cloudprovider.kubernetes.io/shutdown"

// serverStopsAndStarts switches a server off and on.
func (t *tour) serverStopsAndStarts(ctx context.Context) error {
	id := t.joined[0]
	t.Console.Say("Server %s is switched off. Kubernetes finds its Node silent after %s; the controller asks the cloud why, "+
		"and taints the Node as shut down. It does not delete it: the server exists.", id, t.Grace)
	asking, err := t.askWhileStopped(ctx, id)
	if err != nil {
		return err
	}
	if asking != nil {
		defer asking.stop()
	}
	begin := time.Now()
	if err := t.Region.StopServer(ctx, id); err != nil {
		return fmt.Errorf("stopping %s: %w", id, err)
	}
	// The node monitor looks at Nodes every fifth of the grace period, and the
	// controller for the reason within 10 s.
	limit := patience(2*t.Grace) + usual
	if err := t.until(ctx, limit, "the Node of "+id+" is not Ready and carries the shutdown taint", func(w world) string {
		node := w.node(id)
		switch {
		case node == nil:
			return "it has no Node"
		case condition(node, corev1.NodeReady) == corev1.ConditionTrue:
			return "Node " + node.Name + " is still Ready"
		case !hasTaint(node, shutdownTaint):
			return "Node " + node.Name + " has the taints " + taints(node)
		}
		return ""
	}); err != nil {
		return err
	}
	off, err := t.answersAgain(ctx, id, asking)
	if err != nil {
		return err
	}
	if err := t.showNodes(ctx); err != nil {
		return err
	}
	t.Console.Line("")
	t.Console.Say("It is switched on again.")
	if _, err := t.Console.Until(ctx, time.Minute, "the region has begun to start "+id, func(ctx context.Context) (string, error) {
		return "", t.Region.StartServer(ctx, id)
	}); err != nil {
		return err
	}
	if err := t.until(ctx, usual, "it runs, the taint is off, the Node Ready, and everything as before",
		func(w world) string { return otherThan(w.Servers, cloud.Running) }, initialised, routed, balanced); err != nil {
		return err
	}
	return t.tellFailures(ctx, asking, begin, off)
}

// longestOutage is how long after a server was stopped requests may fail: until
// three health checks in a row have failed, which begin two seconds after the one
// before and wait five for an answer. That is 21 s; the rest is for busy machines.
const longestOutage = 30 * time.Second

// quietEnough is for how long no request may fail until the tour calls it over.
const quietEnough = 3 * time.Second

var (
	errOutage   = errors.New("requests failed for longer than health checks take")
	errNoTarget = errors.New("the server has no Pod of Service local")
)

// askWhileStopped begins to ask a Service that has a Pod on the server; it returns
// nil where there is nobody to ask.
func (t *tour) askWhileStopped(ctx context.Context, id string) (*requests, error) {
	if t.Real == nil {
		return nil, nil
	}
	w, err := t.look(ctx)
	if err != nil {
		return nil, err
	}
	pods, err := t.podsByNode(ctx, "local")
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(pods, func(p corev1.Pod) bool { return p.Spec.NodeName == w.node(id).Name }) {
		return nil, fmt.Errorf("%s: %w", id, errNoTarget)
	}
	address, err := t.address(ctx, "local")
	if err != nil {
		return nil, err
	}
	t.Console.Say("The server has one of %d Pods of Service local. The client on the internet asks that Service %d times a "+
		"second meanwhile. Those that come to this server fail until the load balancer's health check has taken the server out: after "+
		"three checks, each of which waits five seconds for an answer.", len(pods), time.Second/pace)
	return keepAsking(ctx, t.Real.Client, net.JoinHostPort(address, "443")), nil
}

// answersAgain waits until no request fails any more, and returns when that was.
func (t *tour) answersAgain(ctx context.Context, id string, asking *requests) (time.Time, error) {
	if asking == nil {
		return time.Time{}, nil
	}
	what := "the load balancer has taken " + id + " out: no request fails any more"
	_, err := t.Console.Until(ctx, longestOutage, what, func(context.Context) (string, error) {
		now := time.Now()
		// What was asked within the time-out of a request is not decided yet.
		decided := now.Add(-requestTimeout)
		last := asking.between(decided.Add(-quietEnough), decided)
		if last.failed == 0 && last.made > 0 {
			return "", nil
		}
		return fmt.Sprintf("%d of the last %d requests failed", last.failed, last.made), nil
	})
	return time.Now(), err
}

// tellFailures says how many requests failed while the server was off, and since it
// was switched on.
func (t *tour) tellFailures(ctx context.Context, asking *requests, begin, off time.Time) error {
	if asking == nil {
		return nil
	}
	// The server's Pods come back; the load balancer takes them again.
	if _, err := t.Console.Until(ctx, time.Duration(usual), "all Pods are ready again", t.podsReady); err != nil {
		return err
	}
	asking.stop()
	stopped, started := asking.between(begin, off), asking.between(off, time.Now())
	if stopped.failed > 0 {
		t.Console.Step("while it was off, %s (the last %.1f s after the stop)", stopped, stopped.last.Sub(begin).Seconds())
		t.Console.Quote("such as: %v", stopped.why)
	} else {
		t.Console.Step("while it was off, %s", stopped)
	}
	t.Console.Step("while it came back, %s", started)
	switch {
	case stopped.failed > 0 && stopped.last.Sub(begin) > longestOutage:
		return fmt.Errorf("the last %.1f s after the stop: %w", stopped.last.Sub(begin).Seconds(), errOutage)
	case started.failed > 0:
		return fmt.Errorf("a server that comes back broke requests: %w", started.why)
	}
	t.failed, t.made = stopped.failed, stopped.made+started.made
	t.outage = 0
	if stopped.failed > 0 {
		t.outage = stopped.last.Sub(begin)
	}
	return nil
}
