package stage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/process/victim"
	"github.com/kube-aliyun/kube-aliyun/test/sandbox"
)

// heldForever makes this test binary a process that holds a stage until it is killed.
const heldForever = "STAGE_HELD_FOREVER"

func TestMain(m *testing.M) {
	if os.Getenv(heldForever) != "" {
		hold()
	}
	os.Exit(m.Run())
}

// hold starts a stage, tells its sandboxes' ids and waits to be killed.
func hold() {
	ctx, cancel := context.WithTimeout(context.Background(), 8*time.Minute)
	defer cancel()
	s, err := Start(ctx, Options{Workers: 1, Log: os.Stderr})
	if err == nil {
		var ids []string
		if ids, err = sandboxes(ctx, s); err == nil {
			fmt.Println(strings.Join(ids, " "))
			<-ctx.Done()
		}
	}
	fmt.Println(err)
	os.Exit(1)
}

// sandboxes are those of a stage: its own and the simulator's.
func sandboxes(ctx context.Context, s *Stage) ([]string, error) {
	plane, err := s.Region().Dataplane(ctx)
	return []string{s.Sandbox(), plane.Sandbox}, err
}

// traces lists what the machine has of sandboxes: files, namespaces, control groups,
// mounts, and processes.
func traces(t *testing.T, ids []string) (found []string) {
	t.Helper()
	for _, id := range ids {
		for _, pattern := range []string{"/run/netns/" + id + "*", "/run/kube-aliyun/" + id, "/sys/fs/cgroup/" + id, "/sys/fs/cgroup/*/" + id} {
			matches, err := filepath.Glob(pattern)
			if err != nil {
				t.Fatal(err)
			}
			found = append(found, matches...)
		}
		processes, err := filepath.Glob("/proc/[0-9]*")
		if err != nil {
			t.Fatal(err)
		}
		for _, dir := range processes {
			for _, name := range []string{"cgroup", "cmdline", "mountinfo"} {
				content, err := os.ReadFile(filepath.Join(dir, name)) // #nosec G304 -- a file of the kernel
				if err == nil && bytes.Contains(content, []byte(id)) {
					found = append(found, filepath.Join(dir, name))
				}
			}
		}
	}
	return found
}

func goneSoon(t *testing.T, ids []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	// A process that was killed is there until its parent has been told.
	err := poll(ctx, func(context.Context) error {
		if found := traces(t, ids); len(found) > 0 {
			return errors.New(strings.Join(found, ", "))
		}
		return nil
	})
	if err != nil {
		t.Errorf("left behind: %v", err)
	}
}

func TestTwoStagesStandBesideEachOtherAndNothingIsLeftOfEither(t *testing.T) {
	if testing.Short() {
		t.Skip("stages take a minute")
	}
	if os.Geteuid() != 0 {
		t.Skip(ErrUnsupported)
	}
	owner := victim.Start(t, heldForever+"=yes")

	mine, err := Start(t.Context(), Options{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	closed := false
	t.Cleanup(func() {
		if !closed {
			_ = mine.Close(context.WithoutCancel(t.Context()))
		}
	})
	own, err := sandboxes(t.Context(), mine)
	if err != nil {
		t.Fatal(err)
	}
	line := owner.Line(t)
	theirs := strings.Fields(line)
	if len(theirs) != 2 {
		t.Fatalf("the other stage says %q", line)
	}
	t.Logf("two stages at once: usable after %.1f s", mine.Took().Seconds())

	owner.Kill()
	if len(traces(t, theirs)) == 0 {
		t.Error("a killed process has left nothing to remove")
	}
	if err := sandbox.Sweep(t.Context()); err != nil {
		t.Error(err)
	}
	goneSoon(t, theirs)
	if err := mine.WaitUsable(t.Context()); err != nil {
		t.Errorf("the other's end has harmed this one: %v", err)
	}
	closed = true
	if err := mine.Close(t.Context()); err != nil {
		t.Error(err)
	}
	goneSoon(t, own)
}
