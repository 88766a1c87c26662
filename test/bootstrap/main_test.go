package bootstrap

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/bootstrap/bare"
	"github.com/kube-aliyun/kube-aliyun/test/cluster/kubelet"
	"github.com/kube-aliyun/kube-aliyun/test/sandbox"
)

// world is what all tests of this package share: the first starts it, and each leaves
// it with all servers running.
var world *bare.World

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	flag.Parse()
	if testing.Short() {
		fmt.Fprintln(os.Stderr, "skipped: a cluster of bare servers takes minutes")
		return 0
	}
	if err := kubelet.Supported(); errors.Is(err, sandbox.ErrUnsupported) || errors.Is(err, kubelet.ErrNoPackages) {
		fmt.Fprintln(os.Stderr, "skipped:", err)
		return 0
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	binaries := os.Getenv("KUBEBUILDER_ASSETS")
	if binaries == "" {
		binaries = filepath.Join(root, "bin", "kubernetes")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	if world, err = bare.NewWorld(ctx, root, binaries); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := 1
	if err = coldStart(ctx); err == nil {
		code = m.Run()
	} else {
		fmt.Fprintln(os.Stderr, err)
	}
	if err := world.Close(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	return code
}
