package bootstrap

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kube-aliyun/kube-aliyun/pkg/bootstrap/clusterfile"
	"github.com/kube-aliyun/kube-aliyun/pkg/bootstrap/pki"
	"github.com/kube-aliyun/kube-aliyun/pkg/bootstrap/render"
)

func TestR01RenderingTwiceGivesTheSameBytes(t *testing.T) {
	dir := t.TempDir()
	first := made(t, example(t))
	if err := first.Write(dir); err != nil {
		t.Fatal(err)
	}
	there, err := ReadKeys(dir)
	if err != nil {
		t.Fatal(err)
	}
	second, err := Build(example(t), there, pki.Options{Now: now.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	if differences, err := second.Compare(dir); err != nil || len(differences) > 0 {
		t.Errorf("%v, %v", differences, err)
	}
	for _, c := range example(t).Servers {
		if first.Files[UserDataPath(c)] == nil {
			t.Errorf("no user-data for %s", c.Address)
		}
	}
	for _, path := range []string{"admin.kubeconfig", "SUMMARY.md", "finish", "cluster/rbac.yaml", "cluster/coredns.yaml"} {
		if first.Files[path] == nil {
			t.Errorf("no %s", path)
		}
	}
	if err := Verify(example(t), dir, pki.Options{Now: now}); err != nil {
		t.Error(err)
	}
}

func TestR02UserDataHasOnlyKeysThatCloudInitKnows(t *testing.T) {
	for path, userData := range made(t, example(t)).Files {
		if strings.HasPrefix(path, "user-data/") {
			if _, err := render.ParseCloudConfig(userData); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
	_, err := render.ParseCloudConfig([]byte("#cloud-config\ncoreos:\n  units: []\n"))
	if err == nil || !strings.Contains(err.Error(), `"coreos"`) {
		t.Errorf("the article's cloud-config: %v", err)
	}
}

// cloudInit is the program, out of bin/cloud-init (`make cloud-init`).
func cloudInit(t *testing.T, arguments ...string) *exec.Cmd {
	t.Helper()
	dir := filepath.Join(root(t), "bin", "cloud-init")
	if _, err := os.Stat(filepath.Join(dir, "usr/bin/cloud-init")); err != nil {
		t.Skip("bin/cloud-init is not there; `make cloud-init` unpacks Debian's packages")
	}
	libraries, err := filepath.Glob(filepath.Join(dir, "usr/lib/*-linux-gnu"))
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), "/usr/bin/python3", append([]string{filepath.Join(dir, "usr/bin/cloud-init")}, arguments...)...)
	command.Env = append(os.Environ(), "PYTHONPATH="+filepath.Join(dir, "usr/lib/python3/dist-packages"), "LD_LIBRARY_PATH="+strings.Join(libraries, ":"))
	return command
}

func TestR02CloudInitItselfTakesTheUserData(t *testing.T) {
	dir := t.TempDir()
	if err := made(t, example(t)).Write(dir); err != nil {
		t.Fatal(err)
	}
	for _, server := range example(t).Servers {
		output, err := cloudInit(t, "schema", "--config-file", filepath.Join(dir, UserDataPath(server))).CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", server.Address, err, output)
		}
	}
	// The check does find what is wrong.
	wrong := put(t, dir, "wrong.yaml", "#cloud-config\nwrite_files:\n- {path: /x, permissions: 0644}\n", 0o600)
	if output, err := cloudInit(t, "schema", "--config-file", wrong).CombinedOutput(); err == nil {
		t.Errorf("a number for permissions: %s", output)
	}
}

func TestR03SizeIsChecked(t *testing.T) {
	c := example(t)
	out := made(t, c)
	rights := len(out.Files["cluster/rbac.yaml"])
	for _, master := range c.Of(clusterfile.Master) {
		size := len(out.Files[UserDataPath(master)])
		t.Logf("user-data of master %s: %d bytes; with the rights %d", master.Address, size, size+rights)
		if size+rights >= render.UserDataLimit {
			t.Errorf("%d bytes", size+rights)
		}
	}
	if len(out.Warnings) != 2 || !strings.Contains(out.Warnings[0], "10.99.0.21") {
		t.Errorf("warnings: %v", out.Warnings)
	}
	// Mirrors that are too many for user-data, whatever is compressed.
	c.RegistryMirrors = map[string]string{}
	for i := range 60 {
		c.RegistryMirrors[fmt.Sprintf("registry-%d.example.com", i)] = "https://mirror.example.com"
	}
	_, err := Build(c, keys(out), pki.Options{Now: now})
	if err == nil || !strings.Contains(err.Error(), "its largest files are /etc/kubernetes/staged/kube-apiserver.yaml (") ||
		strings.Count(err.Error(), "too large") != 2 {
		t.Errorf("too large: %v", err)
	}
}

func TestR04NothingIsLeftUnfilled(t *testing.T) {
	for path, content := range made(t, example(t)).Files {
		text := strings.ReplaceAll(string(content), `"{{$range}}"`, "")
		if strings.HasPrefix(path, "user-data/") {
			continue // ParseCloudConfig has looked, into compressed files too
		}
		if strings.Contains(text, "${") || strings.Contains(text, "{{") {
			t.Errorf("%s has a placeholder", path)
		}
	}
	_, err := render.ParseCloudConfig([]byte("#cloud-config\nwrite_files:\n- path: /a\n  permissions: \"0644\"\n  content: x ${NAME}\nruncmd: []\n"))
	if err == nil || !strings.Contains(err.Error(), "/a") {
		t.Errorf("a placeholder: %v", err)
	}
	for key, missing := range map[string]string{"region": "region: cn-hangzhou\n", "vpc.cidr": "  cidr: 10.99.0.0/24\n", "loadBalancer.address": "  address: 10.99.0.100\n"} {
		file, err := os.ReadFile("../../deploy/bootstrap/cluster.example.yaml")
		if err != nil {
			t.Fatal(err)
		}
		_, err = clusterfile.Parse(bytes.Replace(file, []byte(missing), nil, 1))
		if err == nil || !strings.Contains(err.Error(), key+": is missing") {
			t.Errorf("without %s: %v", key, err)
		}
	}
}

func TestR05PermissionsAreFourDigitsAndKeysAreRoots(t *testing.T) {
	for _, server := range example(t).Servers {
		for _, f := range setup(t, example(t), server.Address).Files {
			secret := strings.Contains(f.Content, "PRIVATE KEY") || strings.Contains(f.Content, "client-key:")
			if secret && f.Permissions != "0600" {
				t.Errorf("%s of %s: %s", f.Path, server.Address, f.Permissions)
			}
			if strings.Contains(f.Path, "/staged/") && strings.Contains(f.Content, "BEGIN") {
				t.Errorf("manifest %s has a secret in it", f.Path)
			}
		}
	}
	for _, wrong := range []string{`0644`, `"644"`, `"06444"`, `"rw"`} {
		userData := "#cloud-config\nwrite_files:\n- path: /a\n  permissions: " + wrong + "\n  content: x\nruncmd: []\n"
		if _, err := render.ParseCloudConfig([]byte(userData)); err == nil {
			t.Errorf("permissions %s are taken", wrong)
		}
	}
	userData := "#cloud-config\nwrite_files:\n- path: /a.key\n  permissions: \"0644\"\n  content: x\nruncmd: []\n"
	if _, err := render.ParseCloudConfig([]byte(userData)); err == nil {
		t.Error("a key for everybody is taken")
	}
}

func TestR06NoServerGetsAnAuthoritysKeyOrOneOfTheCloud(t *testing.T) {
	out := made(t, example(t))
	for _, server := range example(t).Servers {
		userData := out.Files[UserDataPath(server)]
		if err := noAuthority(userData, keys(out)); err != nil {
			t.Errorf("%s: %v", server.Address, err)
		}
	}
	// The check finds one, however it is indented.
	indented := "   " + strings.ReplaceAll(string(out.Files["pki/etcd-ca.key"]), "\n", "\n   ")
	if noAuthority([]byte(indented), keys(out)) == nil {
		t.Error("an authority's key is not found")
	}
	c := example(t)
	file := fmt.Sprintf("name: a\ncontroller: {access-key: %s}", "test-key")
	if _, err := clusterfile.Parse([]byte(file)); err == nil || !strings.Contains(err.Error(), "controller.access-key") {
		t.Errorf("a key of the cloud in the cluster file of %s: %v", c.Name, err)
	}
}

func TestR12RenamedServerNeedsItsOwnCertificate(t *testing.T) {
	c := example(t)
	there := keys(made(t, c))
	// As somebody would who renames files to spare the effort.
	there["kubelet-client-10.99.0.41.crt"] = there["kubelet-client-10.99.0.31.crt"]
	there["kubelet-client-10.99.0.41.key"] = there["kubelet-client-10.99.0.31.key"]
	c.Servers = append(c.Servers, clusterfile.Server{Role: clusterfile.Node, Address: "10.99.0.41"})
	_, err := Build(c, there, pki.Options{Now: now})
	if err == nil || !strings.Contains(err.Error(), "system:node:10.99.0.31") || !strings.Contains(err.Error(), "certs renew") {
		t.Errorf("got %v", err)
	}
	for _, server := range example(t).Servers {
		if server.Role == clusterfile.Etcd {
			continue
		}
		unit := content(t, setup(t, example(t), server.Address), "/etc/systemd/system/kubelet.service")
		if !strings.Contains(unit, "--hostname-override="+server.Address+" ") {
			t.Errorf("kubelet of %s has another name than its certificate:\n%s", server.Address, unit)
		}
	}
}

func TestR27ManifestsAreRenamedIntoPlace(t *testing.T) {
	for _, address := range []string{masterServer, nodeServer} {
		s := setup(t, example(t), address)
		for _, f := range s.Files {
			if strings.HasPrefix(f.Path, "/etc/kubernetes/manifests/") {
				t.Errorf("%s is written where kubelet reads", f.Path)
			}
		}
		if !strings.Contains(fmt.Sprint(s.Run), "/etc/kube-aliyun/manifests") {
			t.Errorf("nothing brings the manifests of %s to kubelet", address)
		}
	}
	dir := t.TempDir()
	script := put(t, dir, "manifests", content(t, setup(t, example(t), nodeServer), "/etc/kube-aliyun/manifests"), 0o755)
	put(t, dir, "staged/a.yaml", "one", 0o644)
	put(t, dir, "kubelet/gone.yaml", "old", 0o644)
	run := func() {
		t.Helper()
		if output, err := exec.CommandContext(t.Context(), "sh", script, dir+"/staged", dir+"/kubelet").CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, output)
		}
	}
	run()
	before, err := os.Stat(dir + "/kubelet/a.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(dir + "/kubelet/*"); err != nil || len(left) != 1 {
		t.Errorf("%v, %v", left, err)
	}
	run()
	if after, err := os.Stat(dir + "/kubelet/a.yaml"); err != nil || !os.SameFile(before, after) {
		t.Errorf("a manifest without a change is written again: %v", err)
	}
	put(t, dir, "staged/a.yaml", "two", 0o644)
	run()
	if after, err := os.Stat(dir + "/kubelet/a.yaml"); err != nil || os.SameFile(before, after) {
		t.Errorf("a changed manifest is not another file: %v", err)
	}
}
