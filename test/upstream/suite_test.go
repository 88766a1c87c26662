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
	run := &suite{programs: programs, dir: dir}
	t.Logf("the suite runs; its logs are below %s", dir)
	var reports [][]result
	t.Run("Pods with routed addresses", func(t *testing.T) {
		reports = append(reports, perform(t, run, stage.Options{Workers: 2, Logs: filepath.Join(dir, "logs")}, archive, lanes(list, focus)))
	})
	if focus.MatchString(direct) {
		t.Run("Pods with addresses of interfaces", func(t *testing.T) {
			options := stage.Options{
				Workers: 2, PodAddresses: true, CloudConfig: "load-balancer-backend-type: eni\n", Logs: filepath.Join(dir, "logs-direct"),
			}
			reports = append(reports, perform(t, run, options, archive, []lane{directLane}))
		})
	}
	results := merge(reports)
	for _, spec := range results {
		t.Logf("%-8s %6.0f s  %s", spec.Status, spec.Seconds, spec.Name)
	}
	for _, problem := range judge(results, list, focus) {
		t.Error(problem)
	}
}

// perform runs lanes on a stage of their own.
func perform(t *testing.T, run *suite, o stage.Options, archive string, lanes []lane) []result {
	t.Helper()
	s := start(t, o)
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
	there := *run
	there.kubectl, there.kubeconfig, there.place = filepath.Join(s.Cluster().Binaries(), "kubectl"), kubeconfig, s.Internet()
	results, err := there.run(t.Context(), lanes, suiteLimit)
	if err != nil {
		t.Fatal(err)
	}
	return results
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

func start(t *testing.T, o stage.Options) *stage.Stage {
	t.Helper()
	o.Log = os.Stderr
	s, err := stage.Start(t.Context(), o)
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
