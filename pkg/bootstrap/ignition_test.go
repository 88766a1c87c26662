package bootstrap

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kube-aliyun/kube-aliyun/pkg/bootstrap/clusterfile"
	"github.com/kube-aliyun/kube-aliyun/pkg/bootstrap/render"
)

// flatcar is the example as the guide has it for Flatcar.
func flatcar(t *testing.T) *clusterfile.Cluster {
	t.Helper()
	c := grouped(t)
	c.Ignition, c.Packages = true, nil
	c.BinDir, c.CNIBinDir, c.VolumePluginDir = "/opt/bin", "/opt/cni/bin", "/opt/libexec/kubernetes/volume"
	return c
}

// configuration reads a server's; a field that Ignition does not know is an error.
func configuration(t *testing.T, out *Output, server clusterfile.Server) *render.Ignition {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(out.Files[IgnitionPath(server)]))
	decoder.DisallowUnknownFields()
	config := &render.Ignition{}
	if err := decoder.Decode(config); err != nil {
		t.Fatalf("%s: %v", IgnitionPath(server), err)
	}
	return config
}

func TestIgnitionItselfTakesTheUserDataForFlatcar(t *testing.T) {
	if testing.Short() {
		t.Skip("building what reads files as Ignition does takes a while")
	}
	dir, out, _ := letIn(t, flatcar(t))
	binary := filepath.Join(dir, "ignition")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".")
	build.Dir = filepath.Join(root(t), "test", "ignition")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	for _, server := range flatcar(t).All() {
		output, err := exec.CommandContext(t.Context(), binary, filepath.Join(dir, IgnitionPath(server))).CombinedOutput()
		if err != nil {
			t.Errorf("%s", output)
		}
		t.Logf("%s: %d bytes", IgnitionPath(server), len(out.Files[IgnitionPath(server)]))
	}
	text := string(out.Files[IgnitionPath(flatcar(t).Servers[0])])
	for from, to := range map[string]string{`"mode"`: `"permissions"`, `"path":"/etc`: `"path":"etc`, `"version":"3.3.0"`: `"version":"9.0.0"`} {
		wrong := put(t, dir, "wrong.ign", strings.Replace(text, from, to, 1), 0o600)
		if output, err := exec.CommandContext(t.Context(), binary, wrong).CombinedOutput(); err == nil {
			t.Errorf("%s is taken: %s", to, output)
		}
	}
}

func TestFlatcarGetsWhatCloudInitWouldWriteAndRun(t *testing.T) {
	c := flatcar(t)
	_, out, _ := letIn(t, c)
	for _, server := range c.All() {
		s := setupOf(t, c, keys(out), server.Address)
		config := configuration(t, out, server)
		got := map[string]string{}
		for _, f := range config.Storage.Files {
			content, err := f.Content()
			if err != nil {
				t.Fatal(err)
			}
			got[f.Path] = content
			if strings.Contains(content, "PRIVATE KEY") && f.Mode != 0o600 {
				t.Errorf("%s of %s has mode %o", f.Path, server.Address, f.Mode)
			}
			if err := noAuthority([]byte(content), keys(out)); err != nil {
				t.Errorf("%s of %s: %v", f.Path, server.Address, err)
			}
			if strings.HasPrefix(f.Path, "/usr/") {
				t.Errorf("%s cannot be written on Flatcar", f.Path)
			}
		}
		enabled := map[string]bool{}
		for _, unit := range config.Systemd.Units {
			got["/etc/systemd/system/"+unit.Name] = unit.Contents
			enabled[unit.Name] = unit.Enabled
		}
		for _, f := range s.Files {
			if got[f.Path] != f.Content {
				t.Errorf("%s of %s is another:\n%s", f.Path, server.Address, got[f.Path])
			}
		}
		want := []string{"kube-aliyun-setup.service", "kubelet.service", "containerd.service", "kube-aliyun-node.service", "kube-aliyun-network.service"}
		if server.Role == clusterfile.Etcd {
			want = []string{"kube-aliyun-setup.service", "etcd.service"}
		}
		for _, name := range want {
			if !enabled[name] {
				t.Errorf("%s of %s is not enabled", name, server.Address)
			}
		}
		for _, command := range s.Run {
			if command[0] != "systemctl" && !strings.Contains(got["/etc/kube-aliyun/setup"], "'"+strings.Join(command, "' '")+"'\n") {
				t.Errorf("%s does not run %v", server.Address, command)
			}
		}
	}
}

func TestSystemdTakesTheUnitsOfFlatcar(t *testing.T) {
	c := flatcar(t)
	_, out, _ := letIn(t, c)
	for _, server := range []clusterfile.Server{c.Servers[0], c.Servers[len(c.Servers)-1]} {
		all := map[string]string{}
		for _, unit := range configuration(t, out, server).Systemd.Units {
			if unit.Contents != "" {
				all[unit.Name] = unit.Contents
			}
		}
		if said := analyze(t, all); said != "" {
			t.Errorf("%s: %s", server.Address, said)
		}
	}
}
