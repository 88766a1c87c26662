package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	cloudproviderapi "k8s.io/cloud-provider/api"

	"github.com/kube-aliyun/kube-aliyun/test/environment/console"
	"github.com/kube-aliyun/kube-aliyun/test/process"
)

const (
	controllerName = "aliyun-controller"
	driverName     = "aliyun-flexv"
	// controllerUser has the rights of deploy/controller/rbac.yaml and no others.
	controllerUser = "system:aliyun-controller"
)

// startController starts the controller and shows that it waits for its keys.
func (s *starter) startController(ctx context.Context) error {
	kubeconfig, err := s.cluster.KubeconfigFor(controllerUser)
	if err != nil {
		return fmt.Errorf("making the controller's kubeconfig: %w", err)
	}
	port, err := freePort(ctx)
	if err != nil {
		return err
	}
	if err := s.writeCloudConfig(); err != nil {
		return err
	}
	s.record.ControllerURL = "https://127.0.0.1:" + port
	s.record.ControllerArgs = []string{
		"--authentication-kubeconfig=" + kubeconfig, "--authorization-kubeconfig=" + kubeconfig,
		"--bind-address=127.0.0.1", "--secure-port=" + port, "--cluster-cidr=" + clusterCIDR, "--cloud-config=" + s.cloudConfig(), "-v=2",
	}
	s.record.ControllerKubeconfig = kubeconfig
	if err := s.runController(ctx); err != nil {
		return err
	}
	return s.showIdle(ctx)
}

// runController starts the controller as it is recorded.
func (s *starter) runController(ctx context.Context) error {
	s.record.Processes = slices.DeleteFunc(s.record.Processes, func(p process.Record) bool { return p.Name == controllerName })
	p, err := s.launch(ctx, controllerName, s.binary(controllerName), "--kubeconfig="+s.record.ControllerKubeconfig,
		s.record.ControllerURL, s.record.ControllerArgs...)
	s.controller = p
	return err
}

// restartController starts a controller again that has ended in an environment
// that is up otherwise.
func restartController(ctx context.Context, c *console.Console, p place, r record) (record, error) {
	if err := isolate(); err != nil {
		return r, err
	}
	s := &starter{place: p, console: c, record: r}
	c.Step("%s has ended; starting it again", controllerName)
	if err := s.runController(ctx); err != nil {
		return r, err
	}
	return s.record, s.awaitReady(ctx)
}

// writeCloudConfig writes what the controller must know of the region.
func (s *starter) writeCloudConfig() error {
	var b strings.Builder
	b.WriteString("# What aliyun-controller is told of the cloud.\n")
	fmt.Fprintf(&b, "metadata-endpoint: none\nregion: %s\nvpc: %s\nvswitches: %s,%s\n", regionName, vpcID, vSwitchH, vSwitchI)
	for _, product := range []string{"ecs", "vpc", "slb", "sts"} {
		fmt.Fprintf(&b, "%s-endpoint: %s\n", product, s.record.SimulatorURL)
	}
	if err := os.WriteFile(s.cloudConfig(), []byte(b.String()), 0o600); err != nil {
		return fmt.Errorf("writing the controller's configuration: %w", err)
	}
	return nil
}

// showIdle waits until the controller says at /readyz that it waits for a Secret.
func (s *starter) showIdle(ctx context.Context) error {
	var reason string
	err := s.await(ctx, s.controller, controllerName, "aliyun-controller runs and idles: it has no keys", func(ctx context.Context) (string, error) {
		status, body, err := get(ctx, s.record.ControllerURL+"/readyz")
		if err != nil {
			return "", err
		}
		for line := range strings.Lines(body) {
			if strings.HasPrefix(line, "[-]") && strings.Contains(line, secretName) {
				reason = strings.TrimSpace(line)
			}
		}
		if status != http.StatusServiceUnavailable || reason == "" {
			return fmt.Sprintf("/readyz answers %d: %s", status, strings.TrimSpace(body)), nil
		}
		return "", nil
	})
	if err != nil {
		return err
	}
	s.console.Quote("/readyz says 503: %s", strings.TrimPrefix(reason, "[-]"))
	return nil
}

// awaitNodes waits until the controller has initialised every Node.
func (s *starter) awaitNodes(ctx context.Context) error {
	return s.await(ctx, s.controller, controllerName, "the Nodes are initialised", func(ctx context.Context) (string, error) {
		list, err := s.cluster.Client().CoreV1().Nodes().List(ctx, metav1.ListOptions{})
		if err != nil {
			return "", fmt.Errorf("listing Nodes: %w", err)
		}
		var waiting []string
		for i := range list.Items {
			if uninitialized(&list.Items[i]) {
				waiting = append(waiting, list.Items[i].Name)
			}
		}
		if len(waiting) > 0 {
			return fmt.Sprintf("%d Nodes are not, such as %s", len(waiting), waiting[0]), nil
		}
		return "", nil
	})
}

func uninitialized(node *corev1.Node) bool {
	for _, taint := range node.Spec.Taints {
		if taint.Key == cloudproviderapi.TaintExternalCloudProvider {
			return true
		}
	}
	return false
}

// get asks the controller, whose certificate was made at its start, for a path.
func get(ctx context.Context, url string) (status int, body string, err error) {
	transport := &http.Transport{
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true},
		DisableKeepAlives: true,
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return 0, "", fmt.Errorf("asking the controller: %w", err)
	}
	client := &http.Client{Timeout: 5 * time.Second, Transport: transport}
	response, err := client.Do(request)
	if err != nil {
		return 0, "", fmt.Errorf("asking the controller: %w", err)
	}
	defer func() { _ = response.Body.Close() }() // it was only read
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, "", fmt.Errorf("asking the controller: %w", err)
	}
	return response.StatusCode, string(content), nil
}
