package upstream

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"syscall"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/e2e/stage"
	"github.com/kube-aliyun/kube-aliyun/test/process"
	"github.com/kube-aliyun/kube-aliyun/test/sandbox"
)

// endGrace is for e2e.test to tidy up and to report once it is told to end.
const endGrace = time.Minute

var errSuite = errors.New("the suite ended without a report")

// suite is a run of e2e.test.
type suite struct {
	// programs is the folder of e2e.test, and kubectl a program.
	programs, kubectl string
	// kubeconfig serves at the place where it runs.
	kubeconfig string
	place      stage.Place
	// dir gets the report and the log.
	dir string
	// skip are left out; of the rest, focus chooses where it is not empty.
	skip  []skipped
	focus string
}

func (s *suite) log() string { return filepath.Join(s.dir, "e2e.log") }

func (s *suite) arguments(limit time.Duration) []string {
	arguments := []string{
		"--provider=skeleton", "--kubeconfig=" + s.kubeconfig, "--kubectl-path=" + s.kubectl,
		"--report-dir=" + s.dir, "--e2e-output-dir=" + s.dir, "--disable-log-dump",
		"--ginkgo.label-filter=Feature: containsAny LoadBalancer",
		"--ginkgo.timeout=" + limit.String(), "--ginkgo.no-color", "--ginkgo.v",
	}
	if s.focus != "" {
		arguments = append(arguments, "--ginkgo.focus="+s.focus)
	}
	for _, entry := range s.skip {
		arguments = append(arguments, "--ginkgo.skip="+regexp.QuoteMeta(entry.name))
	}
	return arguments
}

// run runs e2e.test, within a limit of time, and returns what became of its specs.
func (s *suite) run(ctx context.Context, limit time.Duration) ([]result, error) {
	ctx, cancel := context.WithTimeout(ctx, limit+endGrace)
	defer cancel()
	report := filepath.Join(s.dir, "junit_01.xml")
	if err := os.Remove(report); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("report of an earlier suite: %w", err)
	}
	p, err := process.Start(ctx, process.Program{
		Name: "e2e.test", Binary: filepath.Join(s.programs, "e2e.test"), Args: s.arguments(limit), Log: s.log(),
		Env:   []string{"HOME=" + s.dir}, // kubectl keeps what it finds there
		Enter: func() error { return sandbox.Enter(s.place.Namespace) },
	})
	if err != nil {
		return nil, err
	}
	if err := p.Wait(ctx); err != nil {
		return nil, errors.Join(err, end(ctx, p))
	}
	results, err := readResults(report)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", errSuite, p.Ended(), err)
	}
	return results, nil
}

// end ends a suite that took too long.
func end(ctx context.Context, p *process.Process) error {
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), endGrace)
	defer cancel()
	if err := errors.Join(p.Signal(syscall.SIGINT), p.Wait(ending)); err != nil {
		return errors.Join(err, p.Signal(syscall.SIGKILL))
	}
	return nil
}
