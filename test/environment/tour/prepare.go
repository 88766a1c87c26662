package tour

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-aliyun/kube-aliyun/test/environment/cloud"
)

// errUsed says that somebody has played with the environment.
var errUsed = errors.New("the tour deletes all Nodes and wants to count calls, so it needs an environment as `make up` leaves it; `make down` first")

// mostServers is how many servers there may be. A load balancer gets 50 servers by
// default, and the tour says that it gets all.
const mostServers = 40

// prepare refuses an environment in which the tour would harm, or not hold.
func (t *tour) prepare(ctx context.Context) error {
	services, err := t.Kube.CoreV1().Services(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("listing Services: %w", err)
	}
	for i := range services.Items {
		if s := &services.Items[i]; s.Spec.Type == corev1.ServiceTypeLoadBalancer {
			return fmt.Errorf("there is the Service %s/%s: %w", s.Namespace, s.Name, errUsed)
		}
	}
	faults, err := t.Region.Faults(ctx)
	if err != nil {
		return fmt.Errorf("reading the region's faults: %w", err)
	}
	if len(faults) > 0 {
		return fmt.Errorf("%d faults are in force: %w", len(faults), errUsed)
	}
	region, err := cloud.Read(ctx, t.Region)
	if err != nil {
		return err
	}
	for _, s := range region.Servers {
		if s.Status != cloud.Running {
			return fmt.Errorf("server %s is %s: %w", s.ID, s.Status, errUsed)
		}
		t.old = append(t.old, s.ID)
	}
	if len(t.old) == 0 || len(t.old) > mostServers {
		return fmt.Errorf("there are %d servers, and the tour wants 1 to %d: %w", len(t.old), mostServers, errUsed)
	}
	_, err = t.Kube.CoreV1().Namespaces().Create(ctx,
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("there is the namespace %s: %w", namespace, errUsed)
	}
	if err != nil {
		return fmt.Errorf("creating the tour's namespace: %w", err)
	}
	_, t.begin, err = cloud.Count(ctx, t.Region, 0)
	if t.Stays {
		return err
	}
	// What `up` has cost belongs to the tour.
	t.begin = 0
	return err
}
