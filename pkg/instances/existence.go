package instances

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
	"github.com/kube-aliyun/kube-aliyun/pkg/event"
	"github.com/kube-aliyun/kube-aliyun/pkg/metric"
	"github.com/kube-aliyun/kube-aliyun/pkg/servers"
)

const (
	// proofRow is how long listings must have lacked a server.
	proofRow = time.Minute
	// proofNodeAge is how old a Node must be.
	proofNodeAge = 5 * time.Minute
	// withheldFor is how long a missing server that is not proven gone is left alone.
	withheldFor = time.Minute

	// A Node that is not Ready is asked about every minPatience; the longer it
	// lasts the less often, down to every maxPatience.
	minPatience    = 10 * time.Second
	maxPatience    = time.Minute
	patienceFactor = 6
)

// InstanceExists implements cloudprovider.InstancesV2. False, on which the
// framework deletes the Node, takes a proof: listings of at least a minute, each
// holding another server, lack the server; the Node is older than five minutes
// and not Ready; and DescribeInstanceAttribute says InvalidInstanceId.NotFound.
// Nodes that are not ours or name no server exist. Doubt is an error.
func (i *Instances) InstanceExists(ctx context.Context, node *corev1.Node) (bool, error) {
	if node.Spec.ProviderID == "" || i.isWithheld(node.Spec.ProviderID) {
		return true, nil
	}
	_, err := i.notReady(ctx, node)
	var absent *servers.AbsentError
	switch {
	case errors.As(err, &absent):
		return i.examine(ctx, node, absent)
	case err == nil, isVerdict(err):
		return true, nil
	default:
		return true, fmt.Errorf("does the server exist: %w", err)
	}
}

// examine completes the proof for a Node whose server a listing lacks.
func (i *Instances) examine(ctx context.Context, node *corev1.Node, absent *servers.AbsentError) (bool, error) {
	if absent.Last.Sub(absent.First) < proofRow || i.clock.Since(node.CreationTimestamp.Time) < proofNodeAge ||
		readiness(node).Status == corev1.ConditionTrue {
		checked("waiting")
		return true, nil
	}
	exists, err := i.options.Cloud.ServerExists(ctx, absent.Server)
	switch {
	case err != nil:
		checked("error")
		i.withhold(node.Spec.ProviderID)
		if errors.Is(err, apierror.ErrDenied) {
			i.options.Events.Event(node, event.NodeDeletionWithheld,
				"server %s is in no listing, but the access key may not ask DescribeInstanceAttribute about it; the Node is kept: grant ecs:DescribeInstanceAttribute",
				absent.Server)
		}
		return true, fmt.Errorf("node %s: prove that its server is gone: %w", node.Name, err)
	case exists:
		checked("exists")
		i.withhold(node.Spec.ProviderID)
		i.options.Events.Event(node, event.NodeDeletionWithheld,
			"server %s is in no listing, but DescribeInstanceAttribute still knows it; the Node is kept: check the permissions of the access key",
			absent.Server)
		return true, nil
	default:
		checked("released")
		i.prove(node)
		return false, nil
	}
}

// notReady looks up a Node together with the others that are not Ready, so that
// n of them cost one call for a hundred.
func (i *Instances) notReady(ctx context.Context, node *corev1.Node) (ecs.Server, error) {
	return i.options.Servers.GetAmong(ctx, node, i.patience(node), func(n *corev1.Node) bool {
		return n.Spec.ProviderID != "" && readiness(n).Status != corev1.ConditionTrue
	})
}

// patience is how old the answer for a Node that is not Ready may be.
func (i *Instances) patience(node *corev1.Node) time.Duration {
	since := readiness(node).LastTransitionTime
	if since.IsZero() {
		since = node.CreationTimestamp
	}
	return min(max(i.clock.Since(since.Time)/patienceFactor, minPatience), maxPatience)
}

// readiness is the Node's Ready condition, or an empty one.
func readiness(node *corev1.Node) corev1.NodeCondition {
	for n := range node.Status.Conditions {
		if node.Status.Conditions[n].Type == corev1.NodeReady {
			return node.Status.Conditions[n]
		}
	}
	return corev1.NodeCondition{}
}

func (i *Instances) withhold(providerID string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for id, at := range i.withheld {
		if i.clock.Since(at) >= withheldFor {
			delete(i.withheld, id)
		}
	}
	i.withheld[providerID] = i.clock.Now()
}

func (i *Instances) isWithheld(providerID string) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	at, found := i.withheld[providerID]
	return found && i.clock.Since(at) < withheldFor
}

func checked(outcome string) { metric.NodesMissing.WithLabelValues(outcome).Inc() }
