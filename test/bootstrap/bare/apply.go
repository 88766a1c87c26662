package bare

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/kube-aliyun/kube-aliyun/pkg/bootstrap/render"
)

// apply does what cloud-init does with user-data: files, then commands.
func (m *Machine) apply(ctx context.Context, config *render.CloudConfig) error {
	for _, f := range config.WriteFiles {
		mode, err := strconv.ParseUint(f.Permissions, 8, 32)
		if err != nil {
			return err
		}
		path := m.HostPath(f.Path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { // #nosec G301 -- as cloud-init does
			return err
		}
		if err := os.WriteFile(path, []byte(m.ofThisKernel(f.Path, f.Content)), fs.FileMode(mode)); err != nil {
			return err
		}
		if err := os.Chmod(path, fs.FileMode(mode)); err != nil {
			return err
		}
	}
	for _, command := range config.RunCmd {
		if err := m.command(ctx, command); err != nil {
			return fmt.Errorf("user-data of %s: %w", m.Server.Address, err)
		}
	}
	return nil
}

// containerdHere are settings that this machine's containers need: it may have
// neither CAP_SYS_RESOURCE nor a kernel of its own.
const containerdHere = `
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  enable_unprivileged_ports = false
  stats_collect_period = 60
`

// conntrackHere: the size of the kernel's table cannot be set from a namespace.
const conntrackHere = "conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}\n"

// ofThisKernel changes what cannot be as on a server of its own, since all share this
// machine's kernel. It is all that differs from the user-data.
func (m *Machine) ofThisKernel(path, content string) string {
	switch path {
	case "/etc/kubernetes/kubelet.yaml":
		return content + "cgroupRoot: /" + m.box.ID() + "/" + m.Server.Address + "/pods\n"
	case "/etc/kubernetes/kube-proxy.yaml":
		return content + conntrackHere
	case "/etc/containerd/config.toml":
		section := `[plugins."io.containerd.grpc.v1.cri"]` + "\n"
		content = strings.Replace(content, section, section+containerdHere, 1)
		return content + "\n[plugins.\"io.containerd.internal.v1.opt\"]\n  path = \"/var/lib/containerd/opt\"\n"
	}
	return content
}

// command runs one. The kernel's modules are loaded already.
func (m *Machine) command(ctx context.Context, command []string) error {
	switch command[0] {
	case "modprobe":
		return nil
	case "systemctl":
		return m.systemctl(ctx, command[1:])
	}
	binary := command[0]
	if !filepath.IsAbs(binary) {
		for _, dir := range []string{"/usr/sbin", "/usr/bin"} {
			if _, err := os.Stat(filepath.Join(dir, binary)); err == nil {
				binary = filepath.Join(dir, binary)
				break
			}
		}
	}
	return m.Run(ctx, append([]string{binary}, command[1:]...)...)
}
