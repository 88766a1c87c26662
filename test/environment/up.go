package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/admin"
	"github.com/kube-aliyun/kube-aliyun/test/cluster"
	"github.com/kube-aliyun/kube-aliyun/test/environment/console"
	"github.com/kube-aliyun/kube-aliyun/test/process"
)

const (
	// upTimeout bounds a start, programs being built already.
	upTimeout = 5 * time.Minute
	// clearTimeout bounds the clearing away after a start that failed.
	clearTimeout = 3 * time.Minute
	// maxNodes is what fits into the seed's addresses and the cluster's ranges.
	maxNodes = 250
)

var errNodes = fmt.Errorf("the number of nodes must be from 1 to %d", maxNodes)

// up starts an environment and tells what there is, or only tells when one runs.
func up(ctx context.Context, c *console.Console, w wish) error {
	p, err := findPlace()
	if err != nil {
		return err
	}
	r, started, err := ensure(ctx, c, p, w)
	if err != nil {
		return err
	}
	if !started && w.nodes != 0 && r.Nodes != w.nodes {
		c.Step("it was started with %d servers; `make down` first to have %d", r.Nodes, w.nodes)
	}
	if r.Held != nil {
		realSummary(c, p, r)
	} else {
		summary(c, p, r)
	}
	return nil
}

// ensure starts an environment unless one runs, and tells whether it did.
func ensure(ctx context.Context, c *console.Console, p place, w wish) (r record, started bool, err error) {
	if w.nodes < 0 || w.nodes > maxNodes {
		return r, false, errNodes
	}
	unlock, err := p.lock()
	if err != nil {
		return r, false, err
	}
	defer unlock()
	r, found, err := p.load()
	if err != nil {
		return r, false, err
	}
	if found {
		dead := p.dead(r)
		if len(dead) == 0 {
			c.Step("the environment has been up since %s", r.Started.Format(time.DateTime))
			return r, false, nil
		}
		if slices.Equal(dead, []string{controllerName}) {
			r, err = restartController(ctx, c, p, r)
			return r, false, err
		}
		c.Step("an environment is half dead (missing: %s); starting anew", strings.Join(dead, ", "))
	}
	if err := p.clear(ctx, c); err != nil {
		return r, false, err
	}
	r, err = start(ctx, c, p, w)
	return r, err == nil, err
}

// starter starts an environment part by part.
type starter struct {
	place
	console *console.Console
	record  record
	cluster *cluster.Cluster
	region  *admin.Client
	// controller is the running aliyun-controller.
	controller *process.Process
}

// start starts everything, or nothing: after a failure only the logs are left,
// after an interruption not even these.
func start(ctx context.Context, c *console.Console, p place, w wish) (record, error) {
	if err := isolate(); err != nil {
		return record{}, err
	}
	why := w.whyPlayed(ctx)
	nodes := w.usual(why == "")
	s := &starter{place: p, console: c, record: record{Started: time.Now(), Nodes: nodes, Real: why == "", Grace: grace(nodes)}}
	if s.record.Real {
		s.record.Grace = realGrace
	} else {
		c.Say("%s", why)
	}
	bounded, cancel := context.WithTimeout(ctx, upTimeout)
	defer cancel()
	err := s.parts(bounded)
	if err == nil {
		return s.record, nil
	}
	c.Step("did not come up, clearing away")
	clearing, done := context.WithTimeout(context.WithoutCancel(ctx), clearTimeout)
	defer done()
	if ctx.Err() != nil {
		return record{}, errors.Join(err, p.remove(clearing, c))
	}
	return record{}, errors.Join(err, p.end(clearing, c))
}

func (s *starter) parts(ctx context.Context) error {
	if err := s.save(s.record); err != nil {
		return err
	}
	parts := []func(context.Context) error{
		s.startSimulator, s.startControlPlane, s.grantRights, s.startKeeper, s.startController, s.giveKeys, s.awaitNodes,
	}
	if s.record.Real {
		parts = []func(context.Context) error{s.startHolder}
	}
	for _, part := range parts {
		if err := part(ctx); err != nil {
			return err
		}
	}
	if err := s.writeShell(s.record); err != nil {
		return err
	}
	s.record.Ready = true
	return s.save(s.record)
}
