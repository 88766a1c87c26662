package tour

import (
	"context"
	"errors"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-aliyun/kube-aliyun/test/environment/cloud"
)

// quietFor is how long the region is watched for calls that have no reason.
const quietFor = 3 * time.Second

var (
	errUnlikely = errors.New("that cannot be")
	errNoise    = errors.New("nothing had changed that the cloud should know")
)

// quiet changes labels of all Services and Nodes, and shows that nothing is
// written to the cloud because of that.
func (t *tour) quiet(ctx context.Context) error {
	_, last, err := cloud.Count(ctx, t.Region, t.begin)
	if err != nil {
		return err
	}
	w, err := t.look(ctx)
	if err != nil {
		return err
	}
	patch := []byte(`{"metadata":{"labels":{"tour":"was-here"}}}`)
	for i := range w.services {
		if _, err := t.Kube.CoreV1().Services(namespace).Patch(ctx, w.services[i].Name, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
			return fmt.Errorf("labelling a Service: %w", err)
		}
	}
	for i := range w.nodes {
		if _, err := t.Kube.CoreV1().Nodes().Patch(ctx, w.nodes[i].Name, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
			return fmt.Errorf("labelling a Node: %w", err)
		}
	}
	timer := time.NewTimer(quietFor)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	calls, _, err := cloud.Count(ctx, t.Region, last)
	if err != nil {
		return err
	}
	all, writes, _ := cloud.Sum(calls)
	if writes > 0 {
		return fmt.Errorf("labels of Services and Nodes led to %s: %w", list(calls), errNoise)
	}
	t.Console.Step("all Services and Nodes got a new label: %d calls within %s, no writes", all, quietFor)
	return nil
}
