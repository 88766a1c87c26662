package manager

import (
	"fmt"
	"strings"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	testingclock "k8s.io/utils/clock/testing"
)

func TestOtherControllersAreAliveWhileTheirLockIsRenewed(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	lease := func(ago time.Duration) runtime.Object {
		renewed := metav1.NewMicroTime(now.Add(-ago))
		return &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "ccm"}, Spec: coordinationv1.LeaseSpec{RenewTime: &renewed}}
	}
	old := func(ago time.Duration) runtime.Object {
		record := fmt.Sprintf(`{"holderIdentity":"m1","renewTime":%q}`, now.Add(-ago).Format(time.RFC3339))
		return &corev1.Endpoints{ObjectMeta: metav1.ObjectMeta{ //nolint:staticcheck // the old lock is there
			Namespace: "kube-system", Name: "kube-aliyun", Annotations: map[string]string{"control-plane.alpha.kubernetes.io/leader": record},
		}}
	}
	cases := map[string]struct {
		objects []runtime.Object
		want    string
	}{
		"none":                           {nil, ""},
		"the official controller":        {[]runtime.Object{lease(30 * time.Second)}, "lease kube-system/ccm"},
		"the official controller, gone":  {[]runtime.Object{lease(61 * time.Second)}, ""},
		"the first kube-aliyun":          {[]runtime.Object{lease(time.Hour), old(10 * time.Second)}, "Endpoints kube-system/kube-aliyun"},
		"the first kube-aliyun, stopped": {[]runtime.Object{old(2 * time.Minute)}, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			lock, err := predecessors(fake.NewClientset(c.objects...), testingclock.NewFakePassiveClock(now))(t.Context())
			if err != nil || c.want == "" && lock != "" || !strings.Contains(lock, c.want) {
				t.Errorf("lock %q, error %v, want %q", lock, err, c.want)
			}
		})
	}
}
