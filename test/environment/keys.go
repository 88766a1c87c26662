package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// secretName is the Secret in kube-system that holds the controller's keys.
const secretName = "aliyun-creds"

// giveKeys creates the Secret and waits until the controller is ready.
func (s *starter) giveKeys(ctx context.Context) error {
	_, err := s.cluster.Client().CoreV1().Secrets(metav1.NamespaceSystem).Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: secretName},
		StringData: map[string]string{"accessKey": accessKey, "accessKeySecret": accessKeySecret},
	}, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("creating the Secret with the keys: %w", err)
	}
	s.console.Step("Secret %s/%s created, with the keys of the region", metav1.NamespaceSystem, secretName)
	return s.awaitReady(ctx)
}

// awaitReady waits until the controller says that it has all that it needs.
func (s *starter) awaitReady(ctx context.Context) error {
	return s.await(ctx, s.controller, controllerName, "aliyun-controller is ready", func(ctx context.Context) (string, error) {
		status, body, err := get(ctx, s.record.ControllerURL+"/readyz")
		if err != nil {
			return "", err
		}
		if status != http.StatusOK {
			return fmt.Sprintf("/readyz answers %d: %s", status, strings.TrimSpace(body)), nil
		}
		return "", nil
	})
}
