package manager

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/utils/clock"
)

const (
	// officialLease is the lease of Alibaba Cloud's own controller.
	officialLease = "ccm"
	// aliveFor is how long after a renewal the holder of a lock is taken for alive.
	aliveFor = time.Minute
)

// oldLocks are the Endpoints in which the controller of 2017 kept its lock: that
// of its name, and its framework's default.
var oldLocks = []string{"kube-aliyun", "cloud-controller-manager"}

// predecessors returns a function that names a lock of another controller for
// load balancers that was renewed in the last minute, or "".
func predecessors(client kubernetes.Interface, c clock.PassiveClock) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		lease, err := client.CoordinationV1().Leases(metav1.NamespaceSystem).Get(ctx, officialLease, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
		case err != nil:
			return "", fmt.Errorf("read the lease of the official controller: %w", err)
		case lease.Spec.RenewTime != nil && c.Since(lease.Spec.RenewTime.Time) < aliveFor:
			return "lease " + metav1.NamespaceSystem + "/" + officialLease, nil
		}
		for _, name := range oldLocks {
			old, err := client.CoreV1().Endpoints(metav1.NamespaceSystem).Get(ctx, name, metav1.GetOptions{})
			if apierrors.IsNotFound(err) {
				continue
			}
			if err != nil {
				return "", fmt.Errorf("read the lock of the first kube-aliyun: %w", err)
			}
			var record resourcelock.LeaderElectionRecord
			if json.Unmarshal([]byte(old.Annotations[resourcelock.LeaderElectionRecordAnnotationKey]), &record) != nil {
				continue
			}
			if c.Since(record.RenewTime.Time) < aliveFor {
				return "lock Endpoints " + metav1.NamespaceSystem + "/" + name, nil
			}
		}
		return "", nil
	}
}
