// Package flexhost starts the program of test/kubernetes/flexhost, Kubernetes' own
// FlexVolume package, with the driver installed: a kube-controller-manager or a
// kubelet, as far as volumes are concerned.
package flexhost

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TreeVariable is read by the driver that Build makes, and by no other: it names
// the tree of devices that stands for the server's.
const TreeVariable = "FLEXV_TEST_TREE"

// Programs are what Build makes: Kubernetes' package, the driver, and another
// driver with the same ways and other bytes, to install in its place.
type Programs struct{ Host, Driver, Other string }

// Build makes the programs in the folder; repository is the way to the root of
// this one.
func Build(ctx context.Context, dir, repository string) (Programs, error) {
	const variables = "-X github.com/kube-aliyun/kube-aliyun/pkg/flexvolume."
	p := Programs{Host: filepath.Join(dir, "flexhost"), Driver: filepath.Join(dir, "flexv"), Other: filepath.Join(dir, "other")}
	for _, b := range []struct{ out, folder, pkg, flags string }{
		{p.Driver, ".", "./cmd/aliyun-flexv", variables + "treeVariable=" + TreeVariable},
		{p.Other, ".", "./cmd/aliyun-flexv", variables + "treeVariable=" + TreeVariable + " " + variables + "Version=other"},
		{p.Host, "test/kubernetes", "./flexhost", ""},
	} {
		command := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-ldflags", "-s -w "+b.flags, "-o", b.out, b.pkg)
		command.Dir = filepath.Join(repository, b.folder)
		command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
		if out, err := command.CombinedOutput(); err != nil {
			return p, fmt.Errorf("build %s: %w\n%s", b.pkg, err, out)
		}
	}
	return p, nil
}

// Volume is a volume of the driver.
type Volume struct {
	Name     string            `json:"name"`
	Inline   bool              `json:"inline,omitempty"`
	ReadOnly bool              `json:"readOnly,omitempty"`
	FSType   string            `json:"fsType,omitempty"`
	Options  map[string]string `json:"options,omitempty"`
}

// OfDisk is a PersistentVolume with the disk.
func OfDisk(name, disk string) Volume {
	return Volume{Name: name, Options: map[string]string{"diskId": disk}}
}

// Request is a call; what it needs beside Do depends on it.
type Request struct {
	ID     int           `json:"id"`
	Do     string        `json:"do"`
	Spec   Volume        `json:"spec"`
	Node   string        `json:"node,omitempty"`
	Device string        `json:"device,omitempty"`
	Pod    string        `json:"pod,omitempty"`
	Wait   time.Duration `json:"wait,omitempty"`
	Size   int64         `json:"size,omitempty"`
}

// Response is its answer: an error, a device or a folder, or whether it is attached.
type Response struct {
	ID       int
	Error    string
	Text     string
	Attached *bool
}

// Host is a process with Kubernetes' package: a kube-controller-manager or a kubelet.
type Host struct {
	// Plugins is its plugin directory and Root kubelet's folder.
	Plugins, Root string

	t  *testing.T
	in io.WriteCloser

	mutex   sync.Mutex
	next    int
	waiting map[int]chan Response
}

// Start starts the process with the driver installed. Variables are added to
// its environment, which drivers inherit.
func Start(t *testing.T, programs Programs, plugins, root string, variables ...string) *Host {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), programs.Driver, "--install="+plugins).CombinedOutput(); err != nil {
		t.Fatalf("install the driver: %v\n%s", err, out)
	}
	h := &Host{Plugins: plugins, Root: root, t: t, waiting: map[int]chan Response{}}
	command := exec.Command(programs.Host, plugins, root) //nolint:noctx // ended below, when its input ends
	command.Env = append(append(os.Environ(), "ALIYUN_FLEXV_LOG="+filepath.Join(t.TempDir(), "flexv.log")), variables...)
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	log, err := os.Create(filepath.Join(t.TempDir(), "flexhost.log"))
	if err != nil {
		t.Fatal(err)
	}
	command.Stderr = log
	out, err := command.StdoutPipe()
	if err == nil {
		h.in, err = command.StdinPipe()
	}
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.read(out)
	}()
	t.Cleanup(func() {
		_ = h.in.Close()
		<-done
		err := errors.Join(command.Wait(), log.Close())
		if content, _ := os.ReadFile(log.Name()); err != nil || t.Failed() {
			t.Logf("flexhost: %v\n%.20000s", err, content)
		}
	})
	return h
}

// Stop ends the process, as the restart of a kubelet does.
func (h *Host) Stop() { _ = h.in.Close() }

func (h *Host) read(out io.Reader) {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var answer Response
		if err := json.Unmarshal(lines.Bytes(), &answer); err != nil {
			h.t.Error(err)
			continue
		}
		h.mutex.Lock()
		waiting := h.waiting[answer.ID]
		delete(h.waiting, answer.ID)
		h.mutex.Unlock()
		waiting <- answer
	}
	h.mutex.Lock()
	defer h.mutex.Unlock()
	for id, waiting := range h.waiting {
		waiting <- Response{ID: id, Error: "the process ended"}
	}
}

// Do makes a call; several may run at once.
func (h *Host) Do(r Request) Response {
	answers := make(chan Response, 1)
	h.mutex.Lock()
	h.next++
	r.ID = h.next
	h.waiting[r.ID] = answers
	line, err := json.Marshal(r)
	if err == nil {
		_, err = h.in.Write(append(line, '\n'))
	}
	h.mutex.Unlock()
	if err != nil {
		return Response{Error: err.Error()}
	}
	return <-answers
}

// Must is a call that succeeds.
func (h *Host) Must(r Request) Response {
	h.t.Helper()
	answer := h.Do(r)
	if answer.Error != "" {
		h.t.Fatalf("%s of %s: %s", r.Do, r.Spec.Name, answer.Error)
	}
	return answer
}

// Fails is a call that fails with the words.
func (h *Host) Fails(r Request, words ...string) {
	h.t.Helper()
	answer := h.Do(r)
	if answer.Error == "" {
		h.t.Fatalf("%s of %s succeeded: %+v", r.Do, r.Spec.Name, answer)
	}
	for _, word := range words {
		if !strings.Contains(answer.Error, word) {
			h.t.Errorf("%s of %s lacks %q: %s", r.Do, r.Spec.Name, word, answer.Error)
		}
	}
}
