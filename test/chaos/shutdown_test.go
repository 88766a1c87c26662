package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/kube-aliyun/kube-aliyun/pkg/manager"
	"github.com/kube-aliyun/kube-aliyun/test/rig"
)

// complaint is a line of klog's that says what went wrong.
var complaint = regexp.MustCompile(`(?m)^[EF]\d{4} .*$`)

func TestSIGTERMEndsTheProcessInOrder(t *testing.T) {
	w := newWorld(t, rig.Options{Servers: 3})
	c := w.start()
	w.awaitWorking(c)
	w.await(longEnough, "every Node is whole", w.nodesWhole)
	w.living("web", 3, rig.Port(80))
	said := len(c.Output())
	took := c.Terminate()
	if took > 6*time.Second || c.Ended() != "exit status 0" {
		t.Errorf("ended after %s with %s:\n%s", took, c.Ended(), c.Tail(20))
	}
	if now := holder(w.lease()); now != "" {
		t.Errorf("the lease is still held by %s", now)
	}
	if bad := complaint.FindAllString(c.Output()[said:], -1); len(bad) > 0 {
		t.Errorf("the shutdown complains:\n%s", strings.Join(bad, "\n"))
	}
	t.Logf("ended after %s", took.Round(time.Millisecond))
}

// childArguments names the environment variable that makes this test binary run
// the controller: its command line as JSON.
const childArguments = "CHAOS_CONTROLLER_ARGUMENTS"

// ours is in the stack of each goroutine that runs code of the product.
const ours = "github.com/kube-aliyun/kube-aliyun/pkg/"

// runController runs the controller inside this process until its input ends,
// and prints how many goroutines of ours there were, and those that stay.
func runController(arguments string) error {
	var args []string
	if err := json.Unmarshal([]byte(arguments), &args); err != nil {
		return fmt.Errorf("read arguments: %w", err)
	}
	command, err := manager.NewCommand()
	if err != nil {
		return fmt.Errorf("make the command: %w", err)
	}
	command.SetArgs(args)
	ctx, stop := context.WithCancel(context.Background())
	working := 0
	go func() {
		defer stop()
		_, _ = io.Copy(io.Discard, os.Stdin)
		working = len(goroutines(ours))
	}()
	if err := command.ExecuteContext(ctx); err != nil {
		return fmt.Errorf("run the controller: %w", err)
	}
	var left []string
	for range 20 {
		if left = goroutines(ours); len(left) == 0 {
			break
		}
		<-time.After(100 * time.Millisecond)
	}
	fmt.Printf("%d goroutines at work, %d left\n%s\n", working, len(left), strings.Join(left, "\n\n"))
	return nil
}

func TestNoGoroutineOfOursOutlivesTheShutdown(t *testing.T) {
	w := newWorld(t, rig.Options{Servers: 3})
	args, err := json.Marshal(append(w.Args(freePort(t)), "-v=0"))
	if err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), childArguments+"="+string(args), "ALIYUN_ACCESS_KEY="+keyA, "ALIYUN_ACCESS_KEY_SECRET="+secretOf(keyA))
	var out, log bytes.Buffer
	child.Stdout, child.Stderr = &out, &log
	input, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	w.await(longEnough, "every Node is whole", w.nodesWhole)
	w.living("web", 3, rig.Port(80))
	_ = input.Close()
	if err := child.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	var working, left int
	if _, err := fmt.Sscanf(out.String(), "%d goroutines at work, %d left", &working, &left); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if working < 5 || left > 0 {
		t.Errorf("of %d goroutines of ours %d are left:\n%s", working, left, out.String())
	}
	t.Logf("%d goroutines of ours ended", working)
}

// goroutines are the stacks of this process that go through a package.
func goroutines(through string) []string {
	buffer := make([]byte, 64<<20)
	buffer = buffer[:runtime.Stack(buffer, true)]
	var found []string
	for stack := range bytes.SplitSeq(buffer, []byte("\n\n")) {
		if bytes.Contains(stack, []byte(through)) {
			found = append(found, string(stack))
		}
	}
	return found
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	address, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		t.Fatalf("%v is no TCP address", l.Addr())
	}
	return address.Port
}
