package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

const (
	// perCall is how many load balancers' listeners one call lists.
	perCall = 10
	// atOnce is how many load balancers a survey reads at a time.
	atOnce = 10
)

// Survey lists the load balancers of a cluster and reads all of them at once:
// one call for each hundred, one for each ten, and one for each. A load balancer
// whose answers contradict each other is left out; whoever needs it reads it
// again.
func Survey(ctx context.Context, cloud Cloud, clusterID string, now func() time.Time) ([]slb.LoadBalancer, []Observation, error) {
	listed, err := List(ctx, cloud, clusterID)
	if err != nil {
		return nil, nil, err
	}
	ids := make([]string, 0, len(listed))
	for i := range listed {
		ids = append(ids, listed[i].ID)
	}
	found := make([]Observation, len(ids))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for first := 0; first < len(ids); first += perCall {
		batch := ids[first:min(first+perCall, len(ids))]
		start := now()
		listeners, err := listenersOf(ctx, cloud, batch)
		if err != nil {
			return nil, nil, errors.Join(fmt.Errorf("survey load balancers: %w", err), group.Wait())
		}
		for i, id := range batch {
			group.Go(func() error {
				o, err := complete(ctx, cloud, id, start, listeners)
				if errors.Is(err, errInconsistent) {
					return nil
				}
				found[first+i] = o
				return err
			})
		}
	}
	if err := group.Wait(); err != nil {
		return nil, nil, fmt.Errorf("survey load balancers: %w", err)
	}
	return listed, slices.DeleteFunc(found, func(o Observation) bool { return o.ID == "" }), nil
}

// List lists the load balancers that carry the cluster's tag.
func List(ctx context.Context, cloud Cloud, clusterID string) ([]slb.LoadBalancer, error) {
	found, err := cloud.List(ctx, slb.Filter{Tags: map[string]string{ownership.TagClusterID: clusterID}})
	if err != nil {
		return nil, fmt.Errorf("list the cluster's load balancers: %w", err)
	}
	return slices.DeleteFunc(found, func(lb slb.LoadBalancer) bool { return lb.Tags[ownership.TagServiceUID] == "" }), nil
}
