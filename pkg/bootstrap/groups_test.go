package bootstrap

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kube-aliyun/kube-aliyun/pkg/bootstrap/clusterfile"
	"github.com/kube-aliyun/kube-aliyun/pkg/bootstrap/pki"
	"github.com/kube-aliyun/kube-aliyun/pkg/bootstrap/token"
)

// grouped is the example with a group.
func grouped(t *testing.T) *clusterfile.Cluster {
	t.Helper()
	c := example(t)
	c.Groups = []clusterfile.Group{{Name: "spot", Labels: map[string]string{"example.com/spot": "true"}}}
	return c
}

// letIn is what the folder of a cluster has after `render`, `token create` and
// `render`.
func letIn(t *testing.T, c *clusterfile.Cluster) (dir string, out *Output, made token.Token) {
	t.Helper()
	dir = t.TempDir()
	if err := madeAt(t, c, dir, now).Write(dir); err != nil {
		t.Fatal(err)
	}
	made, _, err := NewToken(c, dir, "spot", now, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	out = madeAt(t, c, dir, now)
	if err := out.Write(dir); err != nil {
		t.Fatal(err)
	}
	return dir, out, made
}

// madeAt is what Build makes of a folder at a time.
func madeAt(t *testing.T, c *clusterfile.Cluster, dir string, at time.Time) *Output {
	t.Helper()
	there, err := ReadKeys(dir)
	if err != nil {
		t.Fatal(err)
	}
	out, err := Build(c, there, pki.Options{Now: at})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

const groupData = "user-data/group-spot.yaml"

func TestUserDataOfAGroupHasATokenAndNoKey(t *testing.T) {
	dir, out, made := letIn(t, grouped(t))
	userData := string(out.Files[groupData])
	if !strings.Contains(userData, "token: "+made.String()) || strings.Contains(userData, "PRIVATE KEY") || strings.Contains(userData, "10.99.0.31") {
		t.Errorf("user-data of a group:\n%s", userData)
	}
	if err := Verify(grouped(t), dir, pki.Options{Now: now}); err != nil {
		t.Error(err)
	}
	for _, path := range []string{groupData, "pki/token-spot.yaml"} {
		if info, err := os.Stat(filepath.Join(dir, path)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", path, info, err)
		}
	}
	// A second time nothing is different: a token is made by its own command alone.
	if differences, err := madeAt(t, grouped(t), dir, now).Compare(dir); err != nil || len(differences) > 0 {
		t.Errorf("%v, %v", differences, err)
	}
}

func TestGroupWithoutATokenThatLivesIsWarnedOf(t *testing.T) {
	c := grouped(t)
	out := made(t, c)
	if out.Files[groupData] != nil || !strings.Contains(strings.Join(out.Warnings, "\n"), "aliyun-bootstrap token create spot") {
		t.Errorf("without a token: %v", out.Warnings)
	}
	dir, _, _ := letIn(t, c)
	if warnings := strings.Join(madeAt(t, c, dir, now.Add(2*time.Hour)).Warnings, "\n"); !strings.Contains(warnings, "has ended on 2026-11-23T13:00:00Z") {
		t.Errorf("with one that has ended: %s", warnings)
	}
	_, before, err := NewToken(c, dir, "spot", now.Add(time.Minute), time.Hour)
	if err != nil || before == "" {
		t.Errorf("the one before is not told: %q, %v", before, err)
	}
	for group, life := range map[string]time.Duration{"other": time.Hour, "spot": time.Second} {
		if _, _, err := NewToken(c, dir, group, now, life); err == nil {
			t.Errorf("a token of %s for group %s is made", life, group)
		}
	}
}

func TestSystemdAndKubernetesTakeWhatAServerOfAGroupGets(t *testing.T) {
	c := grouped(t)
	_, out, _ := letIn(t, c)
	s := setupOf(t, c, keys(out), "spot")
	all := units(t, s)
	if said := analyze(t, all); said != "" || len(all) != 3 {
		t.Errorf("%d units: %s", len(all), said)
	}
	line := commands(t, s)["kubelet"]
	if err := takes(t, "kubelet", line); err != nil {
		t.Error(err)
	}
	if joined := strings.Join(line, " "); !strings.Contains(joined, "--node-labels=example.com/spot=true,kube-aliyun.io/group=spot ") ||
		!strings.Contains(joined, "--hostname-override $NODE_IP ") {
		t.Errorf("kubelet is started with %s", joined)
	}
	read := strict(t)
	text := content(t, s, "/etc/kubernetes/kubelet.yaml")
	dir := t.TempDir()
	if said, refused := read("kubelet=" + put(t, dir, "kubelet.yaml", text, 0o644)); refused {
		t.Error(said)
	}
	wrong := put(t, dir, "wrong.yaml", strings.Replace(text, "serverTLSBootstrap", "serverTlsBootstrap", 1), 0o644)
	if said, refused := read("kubelet=" + wrong); !refused {
		t.Errorf("a typo is taken: %s", said)
	}
}

func TestMastersSignForGroupsOnlyWhereThereAreSome(t *testing.T) {
	for name, test := range map[string]struct {
		c    *clusterfile.Cluster
		want bool
	}{"with": {grouped(t), true}, "without": {example(t), false}} {
		out := made(t, test.c)
		settings := content(t, setupOf(t, test.c, keys(out), masterServer), "/etc/kubernetes/aliyun/cloud-config.yaml")
		if got := strings.Contains(settings, "node-signer-secret: kube-aliyun-node-signer\n"); got != test.want {
			t.Errorf("%s groups: %s", name, settings)
		}
		if got := out.Files["cluster/joining.yaml"] != nil; got != test.want {
			t.Errorf("%s groups the rights are there: %v", name, got)
		}
	}
}

func TestNamesOfGroupsAreLabelsOnce(t *testing.T) {
	for _, groups := range []string{"[{name: Spot}]", "[{name: a}, {name: a}]", "[{name: a, labels: {kube-aliyun.io/group: b}}]", "[{name: a, size: 3}]"} {
		file, err := os.ReadFile("../../deploy/bootstrap/cluster.example.yaml")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := clusterfile.Parse(append(file, "groups: "+groups+"\n"...)); err == nil {
			t.Errorf("%s is taken", groups)
		}
	}
}
