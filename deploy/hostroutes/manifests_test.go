// Package hostroutes tests the manifests beside it.
package hostroutes

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"

	"github.com/kube-aliyun/kube-aliyun/deploy/image"
	"github.com/kube-aliyun/kube-aliyun/pkg/hostroutes"
)

func read(t *testing.T, file string) []byte {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// pod is the Pod of the DaemonSet; a field that the type does not have is an error.
func pod(t *testing.T) corev1.PodSpec {
	t.Helper()
	var d appsv1.DaemonSet
	if err := yaml.UnmarshalStrict(read(t, "daemonset.yaml"), &d); err != nil {
		t.Fatal(err)
	}
	return d.Spec.Template.Spec
}

func TestR40PodHasTheOneCapabilityAndNothingElse(t *testing.T) {
	p := pod(t)
	c := p.Containers[0].SecurityContext
	if fmt.Sprint(c.Capabilities.Drop, c.Capabilities.Add) != "[ALL] [NET_ADMIN]" || c.Privileged != nil || *c.AllowPrivilegeEscalation ||
		!*c.ReadOnlyRootFilesystem || c.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
		t.Errorf("security context %+v", c)
	}
	if len(p.Volumes) > 0 || len(p.Containers) != 1 || len(p.InitContainers) > 0 || p.HostPID || p.HostIPC || !p.HostNetwork {
		t.Errorf("the Pod has more than it needs: %+v", p)
	}
	if len(p.Tolerations) != 1 || p.Tolerations[0] != (corev1.Toleration{Operator: corev1.TolerationOpExists}) {
		t.Errorf("it does not run on every Node: %+v", p.Tolerations)
	}
	if e := p.Containers[0].Env; len(e) != 1 || e[0].Name != "NODE_NAME" || e[0].ValueFrom.FieldRef.FieldPath != "spec.nodeName" {
		t.Errorf("environment %+v", e)
	}
}

// flags parses a command line of the program.
func flags(t *testing.T, arguments ...string) error {
	t.Helper()
	o := hostroutes.NewOptions()
	f := pflag.NewFlagSet("test", pflag.ContinueOnError)
	o.AddFlags(f)
	if err := f.Parse(arguments); err != nil {
		return err
	}
	return o.Validate()
}

func TestProgramTakesTheManifestsCommand(t *testing.T) {
	command := pod(t).Containers[0].Command
	if command[0] != image.HostroutesPath {
		t.Errorf("it starts %s, but the image has %s", command[0], image.HostroutesPath)
	}
	if err := flags(t, command[1:]...); err != nil {
		t.Error(err)
	}
	// As the article of 2017 has it.
	if err := flags(t, "--in-cluster"); err != nil {
		t.Error(err)
	}
}

func TestRightsAreToReadNodesAndToTellEvents(t *testing.T) {
	var rules []string
	for part := range strings.SplitSeq(string(read(t, "rbac.yaml")), "\n---\n") {
		var role rbacv1.ClusterRole
		if err := yaml.Unmarshal([]byte(part), &role); err != nil {
			t.Fatal(err)
		}
		for _, r := range role.Rules {
			rules = append(rules, fmt.Sprintf("%v%v", r.Resources, r.Verbs))
		}
	}
	if got := fmt.Sprint(rules); got != "[[nodes][get list watch] [events][create patch]]" {
		t.Errorf("rules %s", got)
	}
}

func TestGuidesNameEveryFlag(t *testing.T) {
	f := pflag.NewFlagSet("test", pflag.ContinueOnError)
	hostroutes.NewOptions().AddFlags(f)
	for _, guide := range []string{"hostroutes.md", "hostroutes.zh.md"} {
		text := string(read(t, "../../docs/guides/"+guide))
		f.VisitAll(func(flag *pflag.Flag) {
			if !strings.Contains(text, "`--"+flag.Name) {
				t.Errorf("%s does not name --%s", guide, flag.Name)
			}
		})
	}
}
