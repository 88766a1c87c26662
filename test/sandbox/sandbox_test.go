package sandbox

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/kube-aliyun/kube-aliyun/test/process/victim"
)

// mountBelow mounts a file system on a folder with a blank in its name.
func mountBelow(dir string) error {
	point := filepath.Join(dir, "a mount")
	if err := os.Mkdir(point, 0o700); err != nil {
		return err
	}
	return unix.Mount("none", point, "tmpfs", 0, "size=4k")
}

// traces lists what the machine has of a sandbox.
func traces(t *testing.T, id string) []string {
	t.Helper()
	var found []string
	for _, pattern := range []string{filepath.Join(mounted, id+"*"), filepath.Join(base, id), filepath.Join(controlGroups, id), filepath.Join(controlGroups, "*", id)} {
		matches, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, matches...)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, id) {
			found = append(found, line)
		}
	}
	return found
}

func TestCloseRemovesEverything(t *testing.T) {
	s, err := Open(t.Context())
	if err != nil {
		t.Skip(err)
	}
	sleeper, err := fill(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- sleeper.Wait() }()
	if len(traces(t, s.ID())) == 0 {
		t.Error("a filled sandbox has left no trace to be removed")
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("its process ended by itself: %v", err)
	}
	if found := traces(t, s.ID()); len(found) > 0 {
		t.Errorf("left behind: %q", found)
	}
}

func TestTheNextSandboxRemovesWhatAKilledOwnerLeft(t *testing.T) {
	s := open(t)
	owner := victim.Start(t, heldForever+"=yes")
	dead := owner.Line(t)

	if err := Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(traces(t, dead)) == 0 {
		t.Fatal("the sandbox of a living owner was removed")
	}
	owner.Kill()
	if err := Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if found := traces(t, dead); len(found) > 0 {
		t.Errorf("left behind: %q", found)
	}
	if len(traces(t, s.ID())) == 0 {
		t.Error("the living sandbox was removed with the dead one")
	}
}

func TestManyOpenAtOnceBesideEachOther(t *testing.T) {
	open(t)
	const many, times = 4, 25
	failed := make(chan error, many)
	for range many {
		go func() {
			var err error
			for range times {
				var s *Sandbox
				if s, err = Open(t.Context()); err != nil {
					break
				}
				if err = s.Close(t.Context()); err != nil {
					break
				}
			}
			failed <- err
		}()
	}
	for range many {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
}

func TestSocketsOfANamespaceAreItsOwn(t *testing.T) {
	s := open(t)
	one, err := s.Namespace("one")
	if err != nil {
		t.Fatal(err)
	}
	two, err := s.Namespace("two")
	if err != nil {
		t.Fatal(err)
	}
	listener, err := one.Listen(t.Context(), net.ListenConfig{}, "tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	address := listener.Addr().String()
	conn, err := one.Dial(t.Context(), net.Dialer{}, "tcp4", address)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	if _, err := two.Dial(t.Context(), net.Dialer{}, "tcp4", address); err == nil {
		t.Error("another namespace has reached the listener")
	}
	if _, err := (&net.Dialer{}).DialContext(t.Context(), "tcp4", address); err == nil {
		t.Error("the machine has reached the listener")
	}
}

func TestSysctlIsTheNamespacesOwn(t *testing.T) {
	n, err := open(t).Namespace("one")
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile("/proc/sys/net/ipv4/ip_forward")
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Sysctl("ipv4/ip_forward", "1"); err != nil {
		t.Fatal(err)
	}
	if after, err := os.ReadFile("/proc/sys/net/ipv4/ip_forward"); err != nil || string(after) != string(before) {
		t.Errorf("the machine's own value is %q now, was %q: %v", after, before, err)
	}
}

func TestSandboxTakesRoot(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("this test is for other users than root")
	}
	if _, err := Open(context.WithoutCancel(t.Context())); err == nil {
		t.Error("opened")
	}
}
