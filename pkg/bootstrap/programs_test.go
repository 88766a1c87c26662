package bootstrap

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/kube-aliyun/kube-aliyun/pkg/bootstrap/render"
)

// stubs are programs that units start.
var stubs = []string{"usr/local/bin/etcd", "usr/local/bin/kubelet", "etc/kube-aliyun/node-env", "etc/kube-aliyun/setup", "opt/bin/etcd", "opt/bin/kubelet", "usr/sbin/nft", "usr/bin/rm", "usr/bin/containerd"}

// units are a server's own.
func units(t *testing.T, s *render.Setup) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, f := range s.Files {
		if name, is := strings.CutPrefix(f.Path, "/etc/systemd/system/"); is {
			found[name] = f.Content
		}
	}
	return found
}

// analyze is what systemd-analyze says of units: it succeeds for those with errors too.
func analyze(t *testing.T, units map[string]string) string {
	t.Helper()
	if _, err := os.Stat("/usr/bin/systemd-analyze"); err != nil {
		t.Skip("this machine has no systemd-analyze")
	}
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "usr/lib/systemd/system"), os.DirFS("/usr/lib/systemd/system")); err != nil {
		t.Skipf("systemd's own units: %v", err)
	}
	for _, stub := range stubs {
		put(t, dir, stub, "#!/bin/sh\n", 0o755)
	}
	put(t, dir, "etc/systemd/system/containerd.service", "[Service]\nExecStart=/usr/bin/containerd\n", 0o644)
	arguments := []string{"verify", "--root=" + dir, "--man=no"}
	for name, content := range units {
		put(t, dir, "etc/systemd/system/"+name, content, 0o644)
		arguments = append(arguments, "/etc/systemd/system/"+name)
	}
	output, _ := exec.CommandContext(t.Context(), "systemd-analyze", arguments...).CombinedOutput()
	return string(output)
}

func TestR07SystemdHasNothingToSayAboutTheUnits(t *testing.T) {
	for _, address := range []string{etcdServer, masterServer, nodeServer} {
		all := units(t, setup(t, example(t), address))
		if said := analyze(t, all); said != "" || len(all) == 0 {
			t.Errorf("%d units of %s: %s", len(all), address, said)
		}
		for name, unit := range all {
			if !strings.Contains(unit, "Restart=always") && !strings.Contains(unit, "Type=oneshot") {
				t.Errorf("%s is not started again", name)
			}
		}
	}
	etcd := units(t, setup(t, example(t), etcdServer))["etcd.service"]
	kubelet := units(t, setup(t, example(t), nodeServer))["kubelet.service"]
	for unit, after := range map[string][]string{
		etcd: {"network-online.target", "time-sync.target"}, kubelet: {"containerd.service", "kube-aliyun-node.service"},
	} {
		for line := range strings.Lines(unit) {
			if !strings.HasPrefix(line, "After=") {
				continue
			}
			for _, other := range after {
				if !strings.Contains(line, other) {
					t.Errorf("it is not after %s: %s", other, line)
				}
			}
		}
	}
	if said := analyze(t, map[string]string{"etcd.service": strings.Replace(etcd, "Restart=", "Restrat=", 1)}); !strings.Contains(said, "Restrat") {
		t.Errorf("a typo is not found: %q", said)
	}
}

// strict is test/kubernetes/strict.
func strict(t *testing.T) func(arguments ...string) (output string, refused bool) {
	t.Helper()
	if testing.Short() {
		t.Skip("building what reads files as Kubernetes does takes a while")
	}
	binary := filepath.Join(t.TempDir(), "strict")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "./strict")
	build.Dir = filepath.Join(root(t), "test", "kubernetes")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	return func(arguments ...string) (string, bool) {
		output, err := exec.CommandContext(t.Context(), binary, arguments...).CombinedOutput()
		return string(output), err != nil
	}
}

// kinds are what Kubernetes takes files of masters for.
var kinds = map[string]string{
	"/etc/kubernetes/kubelet.yaml":                        "kubelet",
	"/etc/kubernetes/kube-proxy.yaml":                     "kube-proxy",
	"/etc/kubernetes/authentication.yaml":                 "authentication",
	"/etc/kubernetes/staged/kube-apiserver.yaml":          "static-pod",
	"/etc/kubernetes/staged/kube-controller-manager.yaml": "static-pod",
	"/etc/kubernetes/staged/kube-scheduler.yaml":          "static-pod",
	"/etc/kubernetes/staged/kube-proxy.yaml":              "static-pod",
	"/etc/kubernetes/staged/aliyun-controller.yaml":       "static-pod",
}

// typos are fields that a slip of the finger makes unknown.
var typos = map[string][2]string{
	"kubelet": {"clusterDomain", "clusterDomian"}, "kube-proxy": {"hostnameOverride", "hostNameOverride"},
	"authentication": {"conditions", "condition"}, "static-pod": {"hostNetwork", "hostNetwrk"},
}

func TestR08R28KubernetesItselfReadsEveryFileStrictly(t *testing.T) {
	read := strict(t)
	dir := t.TempDir()
	s := setup(t, example(t), masterServer)
	for path, kind := range kinds {
		text := content(t, s, path)
		file := put(t, dir, path, text, 0o644)
		if said, refused := read(kind + "=" + file); refused {
			t.Errorf("%s", said)
		}
		wrong := put(t, dir, path+".wrong", strings.Replace(text, typos[kind][0], typos[kind][1], 1), 0o644)
		if said, refused := read(kind + "=" + wrong); !refused || !strings.Contains(said, typos[kind][1]) {
			t.Errorf("%s: a typo is taken: %s", path, said)
		}
	}
	for _, f := range s.Files {
		if strings.HasSuffix(f.Path, ".yaml") && strings.HasPrefix(f.Path, "/etc/kubernetes/") && kinds[f.Path] == "" && !strings.Contains(f.Path, "/aliyun/") {
			t.Errorf("nobody reads %s", f.Path)
		}
	}
	// The article's own manifest of the controller, which v1.37 refuses.
	if said, refused := read("static-pod=testdata/article-aliyun-controller.yaml"); !refused || !strings.Contains(said, "static pods may not reference secrets") {
		t.Errorf("the article's manifest: %s", said)
	}
}

// takes runs a program with arguments and --version, before which it looks at every
// flag's name.
func takes(t *testing.T, program string, arguments []string) error {
	t.Helper()
	binary := filepath.Join(root(t), "bin", "kubernetes", program)
	if _, err := os.Stat(binary); err != nil {
		t.Skip("bin/kubernetes is not there; `make kubernetes` builds it")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	output, err := exec.CommandContext(ctx, binary, append(arguments, "--version")...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", program, err, output)
	}
	return nil
}

// commands are the command lines of a server, by program.
func commands(t *testing.T, s *render.Setup) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	for _, f := range s.Files {
		if strings.Contains(f.Path, "/staged/kube-") {
			pod := corev1.Pod{}
			if err := yaml.UnmarshalStrict([]byte(f.Content), &pod); err != nil {
				t.Fatal(err)
			}
			command := pod.Spec.Containers[0].Command
			found[command[0]] = command[1:]
		}
	}
	if unit, is := units(t, s)["kubelet.service"]; is {
		_, line, _ := strings.Cut(strings.ReplaceAll(unit, "\\\n", ""), "ExecStart=/usr/local/bin/kubelet ")
		line, _, _ = strings.Cut(line, "\n")
		found["kubelet"] = strings.Fields(line)
	}
	return found
}

func TestR09ProgramsKnowEveryFlag(t *testing.T) {
	all := commands(t, setup(t, example(t), masterServer))
	if len(all) != 5 {
		t.Errorf("%d programs", len(all))
	}
	for program, arguments := range all {
		if err := takes(t, program, arguments); err != nil {
			t.Error(err)
		}
		if takes(t, program, append(arguments, "--no-such-flag=1")) == nil {
			t.Errorf("%s takes any flag", program)
		}
	}
}

func TestR09EtcdKnowsEverySetting(t *testing.T) {
	settings := map[string]any{}
	if err := yaml.Unmarshal([]byte(content(t, setup(t, example(t), etcdServer), "/etc/etcd/etcd.yaml")), &settings); err != nil {
		t.Fatal(err)
	}
	// In the file those of a kind are below one key; each is a flag too.
	prefixes := map[string]string{"client-transport-security": "", "peer-transport-security": "peer-"}
	for key, value := range settings {
		if number, is := value.(float64); is {
			value = int64(number)
		}
		arguments := []string{fmt.Sprintf("--%s=%v", key, value)}
		if nested, is := value.(map[string]any); is {
			arguments = nil
			for name, value := range nested {
				arguments = append(arguments, fmt.Sprintf("--%s%s=%v", prefixes[key], name, value))
			}
		}
		if err := takes(t, "etcd", arguments); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
}
