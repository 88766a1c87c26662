package manager

import (
	"context"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/credentials"
)

func creds(data map[string]string) *corev1.Secret {
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "aliyun-creds", Namespace: "kube-system"}, Data: map[string][]byte{}}
	for k, v := range data {
		s.Data[k] = []byte(v)
	}
	return s
}

// await waits until the source answers as told: with this key, or with an error
// that holds the text.
func await(t *testing.T, source credentials.Source, key, errorText string) {
	t.Helper()
	var last string
	err := wait.PollUntilContextTimeout(t.Context(), 5*time.Millisecond, 10*time.Second, true, func(ctx context.Context) (bool, error) {
		c, err := source.Get(ctx)
		if err != nil {
			last = err.Error()
			return errorText != "" && strings.Contains(last, errorText), nil
		}
		last = c.AccessKeyID
		return errorText == "" && last == key, nil
	})
	if err != nil {
		t.Fatalf("want key %q or error %q, last seen %q", key, errorText, last)
	}
}

func TestSecretIsFollowedFromAbsentToChangedToDeleted(t *testing.T) {
	client := fake.NewClientset()
	pushed := credentials.NewPushed("Secret kube-system/aliyun-creds")
	if err := watchSecret(t.Context(), client, "kube-system", "aliyun-creds", pushed); err != nil {
		t.Fatal(err)
	}
	await(t, pushed, "", "kubectl -n kube-system create secret generic aliyun-creds")

	secrets := client.CoreV1().Secrets("kube-system")
	if _, err := secrets.Create(t.Context(), creds(map[string]string{"accessKey": "test-1\n", "accessKeySecret": "test-s"}), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	await(t, pushed, "test-1", "")

	if _, err := secrets.Update(t.Context(), creds(map[string]string{"accessKey": "test-2", "accessKeySecret": "test-s"}), metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	await(t, pushed, "test-2", "")

	if err := secrets.Delete(t.Context(), "aliyun-creds", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	await(t, pushed, "", "does not exist")
}

func TestSecretWithoutAKeyIsNamedWithTheMissingKey(t *testing.T) {
	pushed := credentials.NewPushed("Secret kube-system/aliyun-creds")
	pushSecret(creds(map[string]string{"accessKey": "test-1", "accesskeysecret": "test-s"}), pushed)
	await(t, pushed, "", "lacks the key accessKeySecret")
}
