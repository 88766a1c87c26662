package integration

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/ram"
	"github.com/kube-aliyun/kube-aliyun/test/rig"
)

// The key that comes after test-key.
const (
	secondKey    = "test-second"
	secondSecret = "test-second-secret" // #nosec G101 -- the simulator's
)

// putKey makes an access key of the region, or changes it.
func putKey(r *rig.Rig, key ram.Key) {
	r.T.Helper()
	if err := r.Sim.Region.Identities.PutKey(key); err != nil {
		r.T.Fatal(err)
	}
}

// keysUsed counts the calls of the journal by access key id.
func keysUsed(r *rig.Rig) map[string]int {
	used := map[string]int{}
	for _, e := range r.Sim.Journal() {
		used[e.Key]++
	}
	return used
}

// awaitUnready waits until a replica says why it is not ready.
func awaitUnready(r *rig.Rig, c *rig.Controller, limit time.Duration, texts ...string) {
	r.T.Helper()
	r.Eventually(limit, "the replica is unready and says "+strings.Join(texts, " and "), func() (bool, string) {
		status, body := c.Get("/readyz")
		return status == 503 && holdsAll(body, texts...), fmt.Sprint(status, " ", body)
	})
}

// credentialsSecret is the Secret that the controller reads.
func credentialsSecret(key, secret string) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "aliyun-creds", Namespace: metav1.NamespaceSystem},
		StringData: map[string]string{"accessKey": key, "accessKeySecret": secret + "\n"},
	}
}

func TestControllerFollowsTheSecretWithItsKeys(t *testing.T) {
	r := fresh(t, rig.Options{Servers: 1})
	secrets := r.Client.CoreV1().Secrets(metav1.NamespaceSystem)
	t.Cleanup(func() {
		err := secrets.Delete(context.WithoutCancel(t.Context()), "aliyun-creds", metav1.DeleteOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			t.Error(err)
		}
	})
	c := r.StartControllerWith(rig.ControllerConfig{NoKey: true})

	awaitUnready(r, c, 10*time.Second, "Secret kube-system/aliyun-creds does not exist", "kubectl -n kube-system create secret generic aliyun-creds")
	r.Never(2*time.Second, "it did something without a key", func() (bool, string) {
		return total(r.Sim.Counts()) > 0 || c.Ended() != "", fmt.Sprint(r.Sim.Counts(), c.Ended())
	})
	untouched(r)

	if _, err := secrets.Create(t.Context(), credentialsSecret(aliyunsim.TestKey, aliyunsim.TestSecret), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	took := r.Eventually(10*time.Second, "it works with the Secret's key", func() (bool, string) {
		status, body := c.Get("/readyz")
		return status == 200 && networkReady(node(r, rig.NodeName(1))), body
	})
	t.Logf("active %s after the Secret was created", took)

	// A second key, and the end of the first one.
	putKey(r, ram.Key{ID: secondKey, Secret: secondSecret})
	if _, err := secrets.Update(t.Context(), credentialsSecret(secondKey, secondSecret), metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	putKey(r, ram.Key{ID: aliyunsim.TestKey, Secret: aliyunsim.TestSecret, Inactive: true})
	r.Sim.ResetCounters()
	r.CreateService("second", nil, rig.Port(80))
	r.AwaitAddress("second", 10*time.Second)
	if used := keysUsed(r); used[secondKey] == 0 || used[aliyunsim.TestKey] > 1 {
		t.Errorf("keys used after the Secret was changed: %v", used)
	}

	// No Secret, no calls.
	if err := secrets.Delete(t.Context(), "aliyun-creds", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	awaitUnready(r, c, 10*time.Second, "Secret kube-system/aliyun-creds does not exist", "kubectl")
	r.Sim.ResetCounters()
	r.CreateService("third", nil, rig.Port(80))
	awaitWarning(r, "third", "SyncLoadBalancerFailed", "Secret kube-system/aliyun-creds does not exist")
	r.Never(2*time.Second, "calls without a Secret", func() (bool, string) {
		return total(r.Sim.Counts()) > 0 || c.Ended() != "", fmt.Sprint(r.Sim.Counts(), c.Ended())
	})
	if _, err := secrets.Create(t.Context(), credentialsSecret(secondKey, secondSecret), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	r.AwaitAddress("third", 15*time.Second)
	c.WaitReady()
}

func TestControllerFollowsTheFileWithItsKeys(t *testing.T) {
	r := fresh(t, rig.Options{Servers: 1})
	file := filepath.Join(t.TempDir(), "key.yaml")
	write := func(key, secret string) {
		t.Helper()
		if err := os.WriteFile(file, fmt.Appendf(nil, "accessKey: %s\naccessKeySecret: %s\n", key, secret), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(aliyunsim.TestKey, aliyunsim.TestSecret)
	c := r.StartControllerWith(rig.ControllerConfig{NoKey: true, Args: []string{"--credentials-file=" + file}})
	c.WaitReady()
	awaitInitialised(r)
	awaitRouted(r)

	putKey(r, ram.Key{ID: secondKey, Secret: secondSecret})
	write(secondKey, secondSecret)
	putKey(r, ram.Key{ID: aliyunsim.TestKey, Secret: aliyunsim.TestSecret, Inactive: true})
	r.Sim.ResetCounters()
	r.CreateService("second", nil, rig.Port(80))
	r.AwaitAddress("second", 10*time.Second)
	if used := keysUsed(r); used[secondKey] == 0 || len(used) != 1 {
		t.Errorf("keys used after the file was changed: %v", used)
	}
}
