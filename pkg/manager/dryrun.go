package manager

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/classes"
)

// errDryRun is the fence of a dry run: a changing call is refused before it is sent.
var errDryRun = errors.New("dry run: nothing is written")

// dryRun prints the plans and returns. It takes no lease, starts no controller
// and serves nothing.
func (r *replica) dryRun(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p, err := r.assemble(ctx, func() error { return errDryRun })
	if err != nil {
		return err
	}
	defer p.stop()
	if p.routes != nil {
		plan, err := p.routes.Sync(ctx)
		if err != nil {
			return fmt.Errorf("plan the routes: %w", err)
		}
		if _, err := fmt.Fprintf(r.out, "Routes\n%s\n", plan); err != nil {
			return err
		}
	}
	services, err := p.informers.Core().V1().Services().Lister().List(labels.Everything())
	if err != nil {
		return fmt.Errorf("list Services: %w", err)
	}
	for _, service := range services {
		if service.Spec.Type != corev1.ServiceTypeLoadBalancer && !classes.Finalized(service) {
			continue
		}
		plan, err := p.balancers.Plan(ctx, service)
		switch {
		case errors.Is(err, apierror.ErrThrottled) || errors.Is(err, apierror.ErrUnavailable) || errors.Is(err, apierror.ErrDenied):
			return fmt.Errorf("plan Service %s/%s: %w", service.Namespace, service.Name, err)
		case err != nil:
			plan = "refused: " + err.Error()
		}
		if plan == "" {
			continue
		}
		if _, err := fmt.Fprintf(r.out, "Service %s/%s\n%s\n", service.Namespace, service.Name, plan); err != nil {
			return err
		}
	}
	return nil
}
