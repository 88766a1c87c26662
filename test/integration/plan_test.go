package integration

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-aliyun/kube-aliyun/test/rig"
)

// planned runs "aliyun-controller plan" on a file with the rights of an operator,
// and returns how it ended and what it printed.
func planned(r *rig.Rig, manifest string) (ended, output string) {
	r.T.Helper()
	file := filepath.Join(r.T.TempDir(), "service.yaml")
	if err := os.WriteFile(file, []byte(manifest), 0o600); err != nil {
		r.T.Fatal(err)
	}
	c := r.StartControllerWith(rig.ControllerConfig{Command: []string{"plan"}, Args: []string{
		"-v=0", "--kubeconfig=" + r.Cluster.Kubeconfig(), "-n", r.Namespace, "-f", file,
	}})
	c.Wait(30 * time.Second)
	return c.Ended(), c.Output()
}

const planManifest = `
apiVersion: v1
kind: Service
metadata:
  name: web
  annotations: {%q: %q}
spec:
  type: LoadBalancer
  ports: [{name: web, port: 80}, {name: dns, port: 53, protocol: UDP}]
`

func TestPlanOfAFilePrintsAndWritesNothing(t *testing.T) {
	r := fresh(t, rig.Options{Servers: 2})
	ended, output := planned(r, fmt.Sprintf(planManifest, prefix+"scheduler", "rr"))
	if ended != "exit status 0" {
		t.Errorf("it ended with %s", ended)
	}
	for _, want := range []string{
		"Service " + r.Namespace + "/web (does not exist yet", "Scheduler: rr", "actual:\n  none",
		"create load balancer a", "create listener udp/53 to server port 3", "create listener tcp/80 to server port 3",
	} {
		if !strings.Contains(output, want) {
			t.Errorf("it does not say %q:\n%s", want, output)
		}
	}
	services, err := r.Client.CoreV1().Services(r.Namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil || len(services.Items) > 0 {
		t.Errorf("Services: %v %v", services.Items, err)
	}
	untouched(r)

	ended, output = planned(r, fmt.Sprintf(planManifest, prefix+"scheduler", "random"))
	if ended != "exit status 1" || !strings.Contains(output, "refused: ") || !strings.Contains(output, `"random" must be`) {
		t.Errorf("a file that cannot be meant ended with %s:\n%s", ended, output)
	}
}

func TestPlanOfALivingServiceShowsTheDifference(t *testing.T) {
	r := fresh(t, rig.Options{Servers: 1})
	working := r.StartController()
	working.WaitReady()
	awaitInitialised(r)
	r.CreateService("web", nil, rig.Port(80))
	r.AwaitAddress("web", 15*time.Second)
	before := fmt.Sprint(r.Service("web"))
	r.Sim.ResetCounters()

	ended, output := planned(r, fmt.Sprintf(`
apiVersion: v1
kind: Service
metadata:
  name: web
  annotations: {%q: wlc}
spec:
  type: LoadBalancer
  ports: [{name: tcp-80, port: 80, targetPort: 8080}]
`, prefix+"scheduler"))
	if ended != "exit status 0" || !strings.Contains(output, "1. set listener tcp/80: Scheduler=wlc\n") || strings.Contains(output, "2. ") {
		t.Errorf("it ended with %s:\n%s", ended, output)
	}
	if after := fmt.Sprint(r.Service("web")); after != before {
		t.Errorf("the Service was changed:\n%s\n%s", before, after)
	}
	if lines := mutations(r); len(lines) > 0 {
		t.Errorf("it wrote: %v", lines)
	}
}

func TestDebugPageStandsBehindAuthorisation(t *testing.T) {
	r := fresh(t, rig.Options{Servers: 1})
	c := r.StartController()
	c.WaitReady()
	awaitInitialised(r)
	r.CreateService("web", nil, rig.Port(80))
	r.AwaitAddress("web", 15*time.Second)
	path := "/debug/loadbalancers/" + r.Namespace + "/web"
	if status, _ := c.Get(path); status != http.StatusForbidden {
		t.Errorf("without credentials: %d", status)
	}
	const reader = "test-debugger"
	token := r.Token(reader)
	if status, _ := c.GetAs(path, token); status != http.StatusForbidden {
		t.Errorf("without rights: %d", status)
	}
	role, err := r.Client.RbacV1().ClusterRoles().Create(t.Context(), &rbacv1.ClusterRole{
		ObjectMeta: metav1.ObjectMeta{GenerateName: reader + "-"},
		Rules:      []rbacv1.PolicyRule{{NonResourceURLs: []string{"/debug/loadbalancers", "/debug/loadbalancers/*"}, Verbs: []string{"get"}}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	binding, err := r.Client.RbacV1().ClusterRoleBindings().Create(t.Context(), &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{GenerateName: reader + "-"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role.Name},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: r.Namespace, Name: reader}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		_ = r.Client.RbacV1().ClusterRoles().Delete(ctx, role.Name, metav1.DeleteOptions{})
		_ = r.Client.RbacV1().ClusterRoleBindings().Delete(ctx, binding.Name, metav1.DeleteOptions{})
	})
	r.Eventually(30*time.Second, "the page is shown", func() (bool, string) {
		status, page := c.GetAs(path, token)
		return status == http.StatusOK && strings.Contains(page, "create listener tcp/80") && strings.Contains(page, "nothing to do"),
			fmt.Sprint(status, page)
	})
}
