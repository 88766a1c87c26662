package stage

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// RunDaemonSet makes aliyun-controller a DaemonSet on the masters, with the files
// that are shipped and settings of the region, as the installation guide has it. No
// static Pod of it may be on a master. EndDaemonSet ends it.
func (s *Stage) RunDaemonSet(ctx context.Context) error {
	base, err := os.MkdirTemp("", "kube-aliyun-")
	if err != nil {
		return fmt.Errorf("the controller's DaemonSet: %w", err)
	}
	defer func() { _ = os.RemoveAll(base) }()
	for _, name := range []string{"kustomization.yaml", "rbac.yaml", "daemonset.yaml"} {
		content, err := os.ReadFile(s.shipped(name))
		if err == nil {
			err = os.WriteFile(filepath.Join(base, name), content, 0o600)
		}
		if err != nil {
			return fmt.Errorf("the controller's DaemonSet: %w", err)
		}
	}
	if err := os.WriteFile(filepath.Join(base, "cloud-config.yaml"), s.cloudConfig(), 0o600); err != nil {
		return fmt.Errorf("the controller's DaemonSet: %w", err)
	}
	// The rights were applied without --server-side before.
	if err := s.Kubectl(ctx, "apply", "--server-side", "--force-conflicts", "-k", base); err != nil {
		return err
	}
	return s.Kubectl(ctx, "-n", "kube-system", "rollout", "status", "daemonset/aliyun-controller", "--timeout=60s")
}

// EndDaemonSet removes the DaemonSet and waits until its Pods are gone.
func (s *Stage) EndDaemonSet(ctx context.Context) error {
	return s.Kubectl(ctx, "-n", "kube-system", "delete", "daemonset/aliyun-controller", "--cascade=foreground", "--timeout=60s")
}
