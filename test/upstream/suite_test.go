//go:build nightly

package upstream

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/e2e/stage"
)

// suiteLimit is for all specs, which take a quarter of an hour where the machine is
// idle.
const suiteLimit = 80 * time.Minute

// focusVariable names a regular expression of the specs to run, where not all
// are wanted.
const focusVariable = "KUBE_ALIYUN_UPSTREAM_FOCUS"

func TestLoadBalancerSpecsOfKubernetesPass(t *testing.T) {
	programs := folder(t)
	list, err := parseSkipList(skipList)
	if err != nil {
		t.Fatal(err)
	}
	focus, err := regexp.Compile(os.Getenv(focusVariable))
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(programs, "report")
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o750)); err != nil {
		t.Fatal(err)
	}
	archive, err := agnhostArchive(t.Context(), programs, filepath.Join(programs, "agnhost"))
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, dir)
	stopNames, err := serveNames(t.Context(), s.Master().Place, s.Client())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stopNames)
	if err := prepareWorkers(t.Context(), s, archive, s.Master().Address); err != nil {
		t.Fatal(err)
	}
	kubeconfig, stopRelay, err := relayFrom(t.Context(), s.Internet(), s.Cluster().Kubeconfig(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stopRelay)

	run := &suite{
		programs: programs, kubectl: filepath.Join(s.Cluster().Binaries(), "kubectl"), kubeconfig: kubeconfig,
		place: s.Internet(), dir: dir,
	}
	t.Logf("the suite runs; its logs are below %s", dir)
	results, err := run.run(t.Context(), lanes(list, focus), suiteLimit)
	if err != nil {
		t.Fatal(err)
	}
	for _, spec := range results {
		t.Logf("%-8s %6.0f s  %s", spec.Status, spec.Seconds, spec.Name)
	}
	for _, problem := range judge(results, list, focus) {
		t.Error(problem)
	}
}

// folder is where suite/build.sh puts its programs.
func folder(t *testing.T) string {
	t.Helper()
	programs, err := filepath.Abs("../../bin/upstream")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"e2e.test", "agnhost"} {
		if _, err := os.Stat(filepath.Join(programs, name)); err != nil {
			t.Fatalf("%v: make upstream builds it", err)
		}
	}
	return programs
}

func start(t *testing.T, dir string) *stage.Stage {
	t.Helper()
	s, err := stage.Start(t.Context(), stage.Options{Workers: 2, Log: os.Stderr, Logs: filepath.Join(dir, "logs")})
	if errors.Is(err, stage.ErrUnsupported) {
		t.Skip("it needs a Linux machine and root: ", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ending, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 2*time.Minute)
		defer cancel()
		if err := s.Close(ending); err != nil {
			t.Error(err)
		}
	})
	return s
}
