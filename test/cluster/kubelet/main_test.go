package kubelet

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/sandbox"
)

// heldForever makes this test binary a process that runs a node until it is killed.
const heldForever = "KUBELET_HELD_FOREVER"

func TestMain(m *testing.M) {
	if os.Getenv(heldForever) != "" {
		hold()
	}
	code := m.Run()
	if shared.world != nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		if err := shared.world.close(ctx); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = max(code, 1)
		}
		cancel()
	}
	os.Exit(code)
}

func hold() {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	w, err := newWorld(ctx, 1)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(w.sandbox.ID(), w.cluster.Dir())
	<-ctx.Done()
	os.Exit(1)
}

// two is a world with two nodes, which all tests share. They leave it as it was.
func two(t *testing.T) *world {
	t.Helper()
	if testing.Short() {
		t.Skip("real nodes take a minute")
	}
	shared.once.Do(func() { shared.world, shared.err = newWorld(t.Context(), 2) })
	if errors.Is(shared.err, sandbox.ErrUnsupported) {
		t.Skip(shared.err)
	}
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.world
}
