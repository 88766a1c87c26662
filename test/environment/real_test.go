package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/kube-aliyun/kube-aliyun/test/environment/console"
	"github.com/kube-aliyun/kube-aliyun/test/process"
)

func TestPlayedIsSaidWithItsReason(t *testing.T) {
	for name, c := range map[string]struct {
		wish wish
		want string
	}{
		"asked for": {wish{played: true}, "--played"},
		"many":      {wish{nodes: maxReal + 1}, "more than 5"},
	} {
		if why := c.wish.whyPlayed(t.Context()); !strings.Contains(why, c.want) {
			t.Errorf("%s: %q", name, why)
		}
	}
	if os.Geteuid() == 0 {
		return
	}
	if why := (wish{}).whyPlayed(t.Context()); !strings.Contains(why, "root") || !strings.Contains(why, "make setup") {
		t.Errorf("without root: %q", why)
	}
}

func TestUsualNumberOfServersDependsOnTheirKind(t *testing.T) {
	for _, c := range []struct {
		wish wish
		real bool
		want int
	}{{wish{}, true, realNodes}, {wish{}, false, playedNodes}, {wish{nodes: 4}, true, 4}} {
		if got := c.wish.usual(c.real); got != c.want {
			t.Errorf("%+v: %d, want %d", c, got, c.want)
		}
	}
}

func TestProgressIsToldOnceAndByWholeLines(t *testing.T) {
	var out strings.Builder
	f := &follower{path: filepath.Join(t.TempDir(), "progress"), console: console.New(&out)}
	for _, step := range []struct{ content, last string }{
		{"", "programs and images are being built"},
		{"   0.1s  one\n   0.2s  tw", "one"},
		{"   0.1s  one\n   0.2s  two\n", "two"},
	} {
		if err := os.WriteFile(f.path, []byte(step.content), 0o600); err != nil {
			t.Fatal(err)
		}
		if last, err := f.follow(); err != nil || last != step.last {
			t.Errorf("after %q: %q, %v", step.content, last, err)
		}
	}
	if told := out.String(); strings.Count(told, "one") != 1 || strings.Count(told, "two") != 1 {
		t.Errorf("told %q", told)
	}
}

// realPlace is a place with the programs of this repository, without which, or
// without root, the test is skipped.
func realPlace(t *testing.T) place {
	t.Helper()
	if why := (wish{}).whyPlayed(t.Context()); why != "" {
		t.Skip(why)
	}
	p := testPlace(t)
	repository, err := findPlace()
	if err != nil {
		t.Fatal(err)
	}
	programs := repository.kubernetes()
	if assets := os.Getenv("KUBEBUILDER_ASSETS"); assets != "" {
		programs = assets
	}
	if _, err := os.Stat(filepath.Join(programs, "kube-proxy")); err != nil {
		t.Skip("`make kubernetes` first: ", err)
	}
	// The folder of this place is another, what is in it the repository's.
	for _, link := range []string{"go.mod", "go.sum", "cmd", "pkg", "test", "deploy"} {
		if err := os.Symlink(repository.repositoryFile(link), filepath.Join(p.root, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(p.root, "bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(programs, p.kubernetes()); err != nil {
		t.Fatal(err)
	}
	for _, target := range [][2]string{
		{p.binary("aliyun-sim"), "./cmd/aliyun-sim"}, {p.binary(controllerName), "./cmd/aliyun-controller"},
		{p.binary(driverName), "./cmd/aliyun-flexv"},
		{filepath.Join(p.root, "environment"), "./test/environment"},
	} {
		build := exec.CommandContext(t.Context(), "go", "build", "-ldflags=-s -w -X k8s.io/component-base/version.gitVersion=v0.0.0-test", "-o", target[0], target[1])
		build.Dir, build.Env = repository.root, append(os.Environ(), "CGO_ENABLED=0")
		if output, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, output)
		}
	}
	return p
}

// run is the program in a place.
func run(t *testing.T, p place, args ...string) string {
	t.Helper()
	command := exec.CommandContext(context.WithoutCancel(t.Context()), filepath.Join(p.root, "environment"), args...)
	command.Dir = p.root
	output, err := command.CombinedOutput()
	if err != nil {
		t.Errorf("%v: %v\n%s", args, err, output)
	}
	return string(output)
}

func TestRealServersComeUpAndLeaveNothingEvenWhenTheirHolderIsKilled(t *testing.T) {
	p := realPlace(t)
	t.Cleanup(func() {
		if _, err := os.Stat(p.dir); err == nil {
			run(t, p, "down")
		}
	})
	if told := run(t, p, "up", "--nodes=1"); !strings.Contains(told, "its servers are real") {
		t.Fatal(told)
	}
	r, _, err := p.load()
	if err != nil || r.Held == nil {
		t.Fatalf("record %+v, %v", r, err)
	}
	holder, _ := r.process(holderName)
	if err := syscall.Kill(holder.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := process.KillAll(holder); err != nil {
		t.Fatal(err)
	}
	if told := run(t, p, "down"); !strings.Contains(told, "control groups and files of servers: none") {
		t.Error(told)
	}
	for _, id := range r.Held.Sandboxes {
		left, err := traces(id)
		if err != nil || len(left) > 0 {
			t.Errorf("%s: %v, %v", id, left, err)
		}
	}
	if _, err := os.Stat(p.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder: %v", err)
	}
}
