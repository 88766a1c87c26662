package main

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/client-go/kubernetes"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/admin"
	"github.com/kube-aliyun/kube-aliyun/test/cluster"
	"github.com/kube-aliyun/kube-aliyun/test/environment/console"
	"github.com/kube-aliyun/kube-aliyun/test/environment/tour"
)

// demo gives the tour: through the environment that is up, or through one that
// lives as long as the tour.
func demo(ctx context.Context, c *console.Console, w wish) error {
	p, err := findPlace()
	if err != nil {
		return err
	}
	c.Heading("0. A cluster, a region and the controller")
	r, started, err := ensure(ctx, c, p, w)
	if err != nil {
		return err
	}
	closing, err := walk(ctx, c, p, r, !started)
	name := controllerName
	if r.Real {
		name = holderName
	}
	switch {
	case !started:
	case err != nil && ctx.Err() == nil:
		// The programs end, their logs stay.
		err = fmt.Errorf("%w\n--- the end of %s:\n%s\nAll logs stay in %s until `make down`",
			err, p.short(p.log(name)), tail(p.log(name), 30), p.short(p.dir))
		err = errors.Join(err, stay(ctx, c, p))
	default:
		c.Line("")
		clearing, cancel := context.WithTimeout(context.WithoutCancel(ctx), clearTimeout)
		defer cancel()
		err = errors.Join(err, down(clearing, c))
	}
	if err == nil {
		c.Line("\n%s", closing)
	}
	return err
}

// stay ends everything that runs and leaves the folder.
func stay(ctx context.Context, c *console.Console, p place) error {
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), clearTimeout)
	defer cancel()
	unlock, err := p.lock()
	if err != nil {
		return err
	}
	defer unlock()
	return p.end(ending, c)
}

func walk(ctx context.Context, c *console.Console, p place, r record, stays bool) (closing string, err error) {
	config, err := cluster.RESTConfigFor(r.Kubeconfig)
	if err != nil {
		return "", err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return "", fmt.Errorf("making a client: %w", err)
	}
	options := tour.Options{
		Console: c, Kube: client, Region: admin.NewClient(r.SimulatorURL, nil),
		Kubectl: p.kubectl(), Kubeconfig: r.Kubeconfig, Examples: p.repositoryFile("deploy", "examples"),
		Grace: r.Grace, Stays: stays, Servers: tour.ServerPrefix, VSwitches: []string{vSwitchH, vSwitchI},
	}
	if h := r.Held; h != nil {
		options.Servers, options.VSwitches = workerPrefix, h.VSwitches
		options.Real = &tour.Real{Client: h.Client, Master: h.MasterID, Pods: p.repositoryFile("test", "environment", "pods.yaml")}
	}
	return tour.Run(ctx, options)
}
