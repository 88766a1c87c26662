// Package controller tests the manifests beside it.
package controller

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"

	"github.com/kube-aliyun/kube-aliyun/deploy/image"
	"github.com/kube-aliyun/kube-aliyun/pkg/config"
	"github.com/kube-aliyun/kube-aliyun/pkg/manager"
)

// read decodes a manifest; a field that the type does not have is an error.
func read[T any](t *testing.T, file string) *T {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	object := new(T)
	if err := yaml.UnmarshalStrict(content, object); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return object
}

// specs are the Pods of both manifests.
func specs(t *testing.T) map[string]corev1.PodSpec {
	t.Helper()
	return map[string]corev1.PodSpec{
		"static-pod.yaml": read[corev1.Pod](t, "static-pod.yaml").Spec,
		"daemonset.yaml":  read[appsv1.DaemonSet](t, "daemonset.yaml").Spec.Template.Spec,
	}
}

// apiReferences names what a kubelet refuses in a static Pod: everything that it
// would have to ask the API for.
func apiReferences(pod corev1.PodSpec) []string {
	var found []string
	if pod.ServiceAccountName != "" || pod.DeprecatedServiceAccount != "" {
		found = append(found, "service account")
	}
	if len(pod.ImagePullSecrets) > 0 {
		found = append(found, "image pull secret")
	}
	if len(pod.ResourceClaims) > 0 {
		found = append(found, "resource claim")
	}
	for _, container := range slices.Concat(pod.InitContainers, pod.Containers) {
		if len(container.EnvFrom) > 0 {
			found = append(found, "environment of "+container.Name)
		}
		for _, env := range container.Env {
			if from := env.ValueFrom; from != nil && (from.SecretKeyRef != nil || from.ConfigMapKeyRef != nil) {
				found = append(found, "variable "+env.Name)
			}
		}
	}
	for _, volume := range pod.Volumes {
		if volume.HostPath == nil && volume.EmptyDir == nil {
			found = append(found, "volume "+volume.Name)
		}
	}
	return found
}

func TestStaticPodNeedsNothingFromTheAPI(t *testing.T) {
	if found := apiReferences(specs(t)["static-pod.yaml"]); len(found) > 0 {
		t.Errorf("a kubelet refuses the static Pod for its %s", strings.Join(found, ", "))
	}
	// The check finds what the DaemonSet may have, and a static Pod may not.
	if got := fmt.Sprint(apiReferences(specs(t)["daemonset.yaml"])); got != "[service account volume configuration]" {
		t.Errorf("of the DaemonSet it finds %s", got)
	}
}

func TestProgramTakesEveryFlagOfTheManifests(t *testing.T) {
	for file, spec := range specs(t) {
		command := spec.Containers[0].Command
		if command[0] != image.ControllerPath {
			t.Errorf("%s starts %s, but the image has %s", file, command[0], image.ControllerPath)
		}
		if err := programFlags(t).Parse(command[1:]); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// programFlags are all flags of the program.
func programFlags(t *testing.T) *pflag.FlagSet {
	t.Helper()
	options, err := manager.NewOptions()
	if err != nil {
		t.Fatal(err)
	}
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	for _, set := range options.Flags().FlagSets {
		flags.AddFlagSet(set)
	}
	return flags
}

func TestMigrationGuideKnowsWhichFlagsAreTaken(t *testing.T) {
	flags := programFlags(t)
	for _, guide := range []struct{ file, unchanged, accepted string }{
		{"migrate.md", "unchanged", "Accepted"}, {"migrate.zh.md", "不变", "仍然接受"},
	} {
		content, err := os.ReadFile("../../docs/guides/" + guide.file)
		if err != nil {
			t.Fatal(err)
		}
		// What follows the Services is about other programs.
		controllers, _, _ := strings.Cut(string(content), "\n## Service")
		taken, refused := 0, 0
		for row := range strings.Lines(controllers) {
			cells := strings.Split(row, "|")
			if len(cells) != 4 || !strings.HasPrefix(cells[1], " `--") {
				continue
			}
			says := strings.TrimSpace(cells[2])
			kept := strings.HasPrefix(says, guide.unchanged) || strings.HasPrefix(says, guide.accepted)
			for _, name := range regexp.MustCompile("`--([a-z_-]+)").FindAllStringSubmatch(cells[1], -1) {
				known := flags.Lookup(name[1]) != nil
				if known != kept {
					t.Errorf("%s says %q of --%s, but taken is %v", guide.file, says, name[1], known)
				}
				if known {
					taken++
				} else {
					refused++
				}
			}
		}
		if taken < 8 || refused < 15 {
			t.Errorf("%s: %d flags taken, %d refused: the test reads the tables wrong", guide.file, taken, refused)
		}
	}
}

func TestPodsRunWithoutAnyRights(t *testing.T) {
	for file, spec := range specs(t) {
		pod, container := spec.SecurityContext, spec.Containers[0].SecurityContext
		user := fmt.Sprintf("%d:%d", *pod.RunAsUser, *pod.RunAsGroup)
		if user != image.ControllerUser || !*pod.RunAsNonRoot {
			t.Errorf("%s runs as %s, the image as %s", file, user, image.ControllerUser)
		}
		if *container.AllowPrivilegeEscalation || container.Privileged != nil || len(container.Capabilities.Add) > 0 {
			t.Errorf("%s has rights: %+v", file, container)
		}
		if !*container.ReadOnlyRootFilesystem || fmt.Sprint(container.Capabilities.Drop) != "[ALL]" ||
			pod.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
			t.Errorf("%s is not confined: %+v, %+v", file, pod, container)
		}
		for _, mount := range spec.Containers[0].VolumeMounts {
			if !mount.ReadOnly {
				t.Errorf("%s may write to %s", file, mount.MountPath)
			}
		}
	}
}

func TestBothManifestsRunTheSameController(t *testing.T) {
	all := specs(t)
	static, daemon := all["static-pod.yaml"].Containers[0], all["daemonset.yaml"].Containers[0]
	if static.Image != daemon.Image {
		t.Errorf("images %s and %s", static.Image, daemon.Image)
	}
	for _, flag := range daemon.Command {
		if !slices.Contains(static.Command, flag) {
			t.Errorf("only the DaemonSet has %s", flag)
		}
	}
	for name, probe := range map[string][2]*corev1.Probe{
		"startup":  {static.StartupProbe, daemon.StartupProbe},
		"liveness": {static.LivenessProbe, daemon.LivenessProbe}, "readiness": {static.ReadinessProbe, daemon.ReadinessProbe},
	} {
		if probe[0].String() != probe[1].String() {
			t.Errorf("%s probes differ:\n%v\n%v", name, probe[0], probe[1])
		}
	}
}

func TestFilesForTheHostAreTakenAsTheyAre(t *testing.T) {
	loader := config.AddFlags(pflag.NewFlagSet("test", pflag.ContinueOnError))
	if _, err := loader.Load("cloud-config.yaml", func(string) string { return "" }); err != nil {
		t.Error(err)
	}
	// With every line that is commented out as well.
	content, err := os.ReadFile("cloud-config.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, examples, found := strings.Cut(string(content), "\n#\n")
	if !found {
		t.Fatal("no examples in cloud-config.yaml")
	}
	file := t.TempDir() + "/cloud-config.yaml"
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(examples, "# ", "")), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := loader.Load(file, func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(cfg.Location.VSwitchIDs, cfg.Routes.TableIDs); got != "[vsw-0abc vsw-0def] [vtb-0abc]" {
		t.Errorf("the examples give %s", got)
	}

	kubeconfig, err := clientcmd.LoadFromFile("kubeconfig")
	if err != nil {
		t.Fatal(err)
	}
	if err := clientcmd.ConfirmUsable(*kubeconfig, ""); err != nil && !strings.Contains(err.Error(), "unable to read") {
		t.Error(err)
	}
}
