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

	"golang.org/x/sync/errgroup"

	"github.com/kube-aliyun/kube-aliyun/test/e2e/stage"
	"github.com/kube-aliyun/kube-aliyun/test/process"
	"github.com/kube-aliyun/kube-aliyun/test/sandbox"
)

// endGrace is for e2e.test to tidy up and to report once it is told to end.
const endGrace = time.Minute

var errSuite = errors.New("the suite ended without a report")

// suite says where and how e2e.test runs.
type suite struct {
	// programs is the folder of e2e.test, and kubectl a program.
	programs, kubectl string
	// kubeconfig serves at the place where it runs.
	kubeconfig string
	place      stage.Place
	// dir gets a folder with report and log per lane.
	dir string
}

// arguments are those for a lane whose files go to a folder.
func (s *suite) arguments(l lane, dir string, limit time.Duration) []string {
	arguments := []string{
		"--provider=skeleton", "--kubeconfig=" + s.kubeconfig, "--kubectl-path=" + s.kubectl,
		"--report-dir=" + dir, "--e2e-output-dir=" + dir, "--disable-log-dump",
		"--ginkgo.label-filter=Feature: containsAny LoadBalancer",
		"--ginkgo.timeout=" + limit.String(), "--ginkgo.no-color", "--ginkgo.v",
	}
	if l.focus != "" {
		arguments = append(arguments, "--ginkgo.focus="+l.focus)
	}
	for _, name := range l.skip {
		arguments = append(arguments, "--ginkgo.skip="+regexp.QuoteMeta(name))
	}
	return arguments
}

// run runs lanes at once, within a limit of time, and returns what became of all
// specs.
func (s *suite) run(ctx context.Context, lanes []lane, limit time.Duration) ([]result, error) {
	reports := make([][]result, len(lanes))
	group, ctx := errgroup.WithContext(ctx)
	for i, l := range lanes {
		group.Go(func() (err error) {
			reports[i], err = s.runLane(ctx, l, limit)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return merge(reports), nil
}

func (s *suite) runLane(ctx context.Context, l lane, limit time.Duration) ([]result, error) {
	ctx, cancel := context.WithTimeout(ctx, limit+endGrace)
	defer cancel()
	dir := filepath.Join(s.dir, l.name)
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("report of the suite: %w", err)
	}
	p, err := process.Start(ctx, process.Program{
		Name: "e2e.test", Binary: filepath.Join(s.programs, "e2e.test"), Args: s.arguments(l, dir, limit),
		Log:   filepath.Join(dir, "e2e.log"),
		Env:   []string{"HOME=" + dir}, // kubectl keeps what it finds there
		Enter: func() error { return sandbox.Enter(s.place.Namespace) },
	})
	if err != nil {
		return nil, err
	}
	if err := p.Wait(ctx); err != nil {
		return nil, errors.Join(err, end(ctx, p))
	}
	results, err := readResults(filepath.Join(dir, "junit_01.xml"))
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
