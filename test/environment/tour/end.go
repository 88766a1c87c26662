package tour

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-aliyun/kube-aliyun/test/environment/cloud"
)

// everythingGoes deletes what Kubernetes holds, and shows the cloud empty.
func (t *tour) everythingGoes(ctx context.Context) error {
	what := "all Nodes"
	if t.Real != nil {
		what = "all Nodes but the master's"
	}
	t.Console.Say("All Services and %s are deleted. Load balancers are protected against deletion by hand, and go when "+
		"their Service goes; routes go with their Node. What is left are the servers, which nobody has released.", what)
	if err := t.servicesGo(ctx); err != nil {
		return err
	}
	if err := t.Kube.CoreV1().Nodes().DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "!" + masterKey}); err != nil {
		return fmt.Errorf("deleting the Nodes: %w", err)
	}
	if err := t.until(ctx, usual, "the cloud holds no load balancer and no route to them any more", empty); err != nil {
		return err
	}
	for _, id := range t.joined {
		if err := t.Region.ReleaseServer(ctx, id, true); err != nil {
			return fmt.Errorf("releasing %s: %w", id, err)
		}
		t.Console.Step("the cloud has released %s, which the tour had added", id)
	}
	w, err := t.look(ctx)
	if err != nil {
		return err
	}
	t.Console.Table([]string{"THE CLOUD HOLDS", "NUMBER"}, [][]string{
		{"servers", strconv.Itoa(len(w.Servers))},
		{"route entries", strconv.Itoa(len(w.Routes))},
		{"load balancers", strconv.Itoa(len(w.LoadBalancers))},
	})
	return nil
}

// servicesGo deletes the tour's Services, and then its namespace.
func (t *tour) servicesGo(ctx context.Context) error {
	_, start, err := cloud.Count(ctx, t.Region, t.begin)
	if err != nil {
		return err
	}
	before, err := t.look(ctx)
	if err != nil {
		return err
	}
	for i := range before.services {
		if err := t.Kube.CoreV1().Services(namespace).Delete(ctx, before.services[i].Name, metav1.DeleteOptions{}); err != nil {
			return fmt.Errorf("deleting Service %s: %w", before.services[i].Name, err)
		}
	}
	if err := t.until(ctx, usual, "the Services are gone, and so are their load balancers", balanced, func(w world) string {
		if len(w.services) > 0 {
			return "there is still Service " + w.services[0].Name
		}
		return ""
	}); err != nil {
		return err
	}
	if err := t.compare(ctx, start, deleted(before)); err != nil {
		return err
	}
	if err := t.Kube.CoreV1().Namespaces().Delete(ctx, namespace, metav1.DeleteOptions{}); err != nil {
		return fmt.Errorf("deleting the tour's namespace: %w", err)
	}
	_, err = t.Console.Until(ctx, time.Duration(usual), "the namespace "+namespace+" is gone", t.namespaceGone)
	return err
}

func (t *tour) namespaceGone(ctx context.Context) (string, error) {
	ns, err := t.Kube.CoreV1().Namespaces().Get(ctx, namespace, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("reading the tour's namespace: %w", err)
	}
	for _, c := range ns.Status.Conditions {
		if c.Type == "NamespaceContentRemaining" && c.Status == "True" {
			return c.Message, nil
		}
	}
	return "it is being deleted", nil
}

// empty says what the cloud still holds on behalf of the cluster.
func empty(w world) string {
	masters := map[string]bool{}
	for i := range w.nodes {
		node := &w.nodes[i]
		if _, master := node.Labels[masterKey]; !master {
			return "there is still Node " + node.Name
		}
		masters[serverOf(node)] = true
	}
	if len(w.LoadBalancers) > 0 {
		return fmt.Sprintf("there are %d load balancers, such as %s", len(w.LoadBalancers), w.LoadBalancers[0].ID)
	}
	for _, route := range w.Routes {
		if !masters[route.NextHop] {
			return "there is still the route to " + route.Destination
		}
	}
	return ""
}

// nodesComeBack restarts the servers: a kubelet registers its Node at its start
// only.
func (t *tour) nodesComeBack(ctx context.Context) error {
	t.Console.Heading("Afterwards")
	t.Console.Say("The environment stays. Its servers are restarted, so that their Nodes come back.")
	workers := t.old
	if t.Real != nil {
		workers = slices.DeleteFunc(slices.Clone(t.old), func(id string) bool { return id == t.Real.Master })
	}
	for _, id := range workers {
		if err := t.Region.StopServer(ctx, id); err != nil {
			return fmt.Errorf("stopping %s: %w", id, err)
		}
	}
	if err := t.until(ctx, usual, "all servers are stopped", func(w world) string {
		return otherThan(slices.DeleteFunc(slices.Clone(w.Servers), func(s cloud.Server) bool { return !slices.Contains(workers, s.ID) }), "Stopped")
	}); err != nil {
		return err
	}
	for _, id := range workers {
		if err := t.Region.StartServer(ctx, id); err != nil {
			return fmt.Errorf("starting %s: %w", id, err)
		}
	}
	return t.until(ctx, usual, "all servers run, and their Nodes are as in the beginning",
		func(w world) string { return otherThan(w.Servers, cloud.Running) }, initialised, routed)
}

func otherThan(servers []cloud.Server, status string) string {
	for _, s := range servers {
		if s.Status != status {
			return fmt.Sprintf("server %s is %s", s.ID, s.Status)
		}
	}
	return ""
}
