package e2e

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/e2e/stage"
)

// usableLimit is how long two workers may take until all Nodes can be used, when
// all programs are built.
const usableLimit = 120 * time.Second

// theatre is the stage that all tests of this package share. They leave it with two
// workers that can be used.
var theatre *stage.Stage

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	flag.Parse()
	if testing.Short() {
		fmt.Fprintln(os.Stderr, "skipped: end-to-end tests take minutes")
		return 0
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	var err error
	theatre, err = stage.Start(ctx, stage.Options{Log: os.Stderr, Logs: os.Getenv("KUBE_ALIYUN_E2E_LOGS")})
	if errors.Is(err, stage.ErrUnsupported) {
		fmt.Fprintln(os.Stderr, "skipped: end-to-end tests need a Linux machine and root:", err)
		return 0
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	ending, done := context.WithTimeout(context.Background(), 2*time.Minute)
	defer done()
	if err := theatre.Close(ending); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	return code
}

func TestNodesCanBeUsedInTime(t *testing.T) {
	t.Logf("a master and two workers: Ready and schedulable after %.1f s", theatre.Took().Seconds())
	if theatre.Took() > usableLimit {
		t.Errorf("that is more than %s", usableLimit)
	}
}
