package manager

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/credentials"
)

// Keys of the Secret, as the 2017 tool's users create it.
const (
	secretAccessKey       = "accessKey"
	secretAccessKeySecret = "accessKeySecret" // #nosec G101 -- the name of a key, not a key
	secretSecurityToken   = "securityToken"
)

// watchSecret pushes the keys of one Secret into pushed until ctx ends. A
// static Pod may not name a Secret, so it is read through the API. The rights it
// needs are get, list and watch on that one name.
func watchSecret(ctx context.Context, client kubernetes.Interface, namespace, name string, pushed *credentials.Pushed) error {
	full := namespace + "/" + name
	remedy := fmt.Sprintf("kubectl -n %s create secret generic %s --from-literal=%s=... --from-literal=%s=...",
		namespace, name, secretAccessKey, secretAccessKeySecret)
	absent := func() { pushed.Absent(fmt.Sprintf("Secret %s does not exist: %s", full, remedy)) }
	absent()

	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithNamespace(namespace),
		informers.WithTweakListOptions(func(o *metav1.ListOptions) {
			o.FieldSelector = fields.OneTermEqualSelector(metav1.ObjectNameField, name).String()
		}))
	informer := factory.Core().V1().Secrets().Informer()
	if err := informer.SetWatchErrorHandlerWithContext(func(ctx context.Context, r *cache.Reflector, err error) {
		if !informer.HasSynced() {
			pushed.Absent(fmt.Sprintf("Secret %s cannot be read: %v", full, err))
		}
		cache.DefaultWatchErrorHandler(ctx, r, err)
	}); err != nil {
		return fmt.Errorf("watch Secret %s: %w", full, err)
	}
	take := func(obj any) {
		secret, ok := obj.(*corev1.Secret)
		if !ok {
			return
		}
		pushSecret(secret, pushed)
	}
	if _, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    take,
		UpdateFunc: func(_, obj any) { take(obj) },
		DeleteFunc: func(any) { absent() },
	}); err != nil {
		return fmt.Errorf("watch Secret %s: %w", full, err)
	}
	factory.StartWithContext(ctx)
	return nil
}

// pushSecret takes white space off the values: a key that was made with echo
// ends with a newline.
func pushSecret(secret *corev1.Secret, pushed *credentials.Pushed) {
	value := func(key string) string { return strings.TrimSpace(string(secret.Data[key])) }
	var missing []string
	for _, key := range []string{secretAccessKey, secretAccessKeySecret} {
		if value(key) == "" {
			missing = append(missing, key)
		}
	}
	if len(missing) > 0 {
		pushed.Absent(fmt.Sprintf("Secret %s/%s lacks the key %s", secret.Namespace, secret.Name, strings.Join(missing, " and the key ")))
		return
	}
	pushed.Update(value(secretAccessKey), value(secretAccessKeySecret), value(secretSecurityToken))
}
