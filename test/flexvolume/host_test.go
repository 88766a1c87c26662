package flexvolume

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// treeVariable is read by the driver that the tests build, and by no other.
const treeVariable = "FLEXV_TEST_TREE"

// isolated marks the process that has a mount namespace of its own.
const isolated = "FLEXV_TEST_ISOLATED"

// programs are built once: Kubernetes' package, the driver and another driver
// with the same ways and other bytes, to install in its place.
var programs struct{ host, driver, other string }

func TestMain(m *testing.M) { os.Exit(run(m)) }

// run tests in a mount namespace that goes with the process, whatever is mounted.
func run(m *testing.M) int {
	if os.Getuid() != 0 {
		fmt.Println("left out: loop devices and mounts take root")
		return 0
	}
	for _, program := range []string{"mkfs.ext4", "mkfs.xfs", "blkid", "mount"} {
		if _, err := exec.LookPath(program); err != nil {
			fmt.Printf("left out: %s is missing; 'sudo make setup' installs it\n", program)
			return 0
		}
	}
	if os.Getenv(isolated) == "" {
		command := exec.Command("/proc/self/exe", os.Args[1:]...) //nolint:noctx // ends with this process
		command.Env = append(os.Environ(), isolated+"=1")
		command.Stdout, command.Stderr = os.Stdout, os.Stderr
		command.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
		err := command.Run()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return command.ProcessState.ExitCode()
	}
	dir, err := os.MkdirTemp("", "flexvolume-test-")
	if err == nil {
		defer func() { _ = os.RemoveAll(dir) }()
		err = buildAll(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

func buildAll(dir string) error {
	const variables = "-X github.com/kube-aliyun/kube-aliyun/pkg/flexvolume."
	programs.host, programs.driver, programs.other = filepath.Join(dir, "flexhost"), filepath.Join(dir, "flexv"), filepath.Join(dir, "other")
	for _, b := range []struct{ out, folder, pkg, flags string }{
		{programs.driver, "../..", "./cmd/aliyun-flexv", variables + "treeVariable=" + treeVariable},
		{programs.other, "../..", "./cmd/aliyun-flexv", variables + "treeVariable=" + treeVariable + " " + variables + "Version=other"},
		{programs.host, "../kubernetes", "./flexhost", ""},
	} {
		command := exec.Command("go", "build", "-buildvcs=false", "-ldflags", "-s -w "+b.flags, "-o", b.out, b.pkg) //nolint:noctx // before any test
		command.Dir = b.folder
		command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
		if out, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", b.pkg, err, out)
		}
	}
	return nil
}

// volume is a volume as flexhost takes it.
type volume struct {
	Name     string            `json:"name"`
	Inline   bool              `json:"inline,omitempty"`
	ReadOnly bool              `json:"readOnly,omitempty"`
	FSType   string            `json:"fsType,omitempty"`
	Options  map[string]string `json:"options,omitempty"`
}

// ofDisk is a PersistentVolume with the disk.
func ofDisk(name, disk string) volume {
	return volume{Name: name, Options: map[string]string{"diskId": disk}}
}

type request struct {
	ID     int           `json:"id"`
	Do     string        `json:"do"`
	Spec   volume        `json:"spec"`
	Node   string        `json:"node,omitempty"`
	Device string        `json:"device,omitempty"`
	Pod    string        `json:"pod,omitempty"`
	Wait   time.Duration `json:"wait,omitempty"`
	Size   int64         `json:"size,omitempty"`
}

type response struct {
	ID       int
	Error    string
	Text     string
	Attached *bool
}

// host is a process with Kubernetes' package: a kube-controller-manager or a kubelet.
type host struct {
	t       *testing.T
	plugins string
	root    string
	in      io.WriteCloser

	mutex   sync.Mutex
	next    int
	waiting map[int]chan response
}

// startHost starts the process with the driver installed. Variables are added to
// its environment, which drivers inherit.
func startHost(t *testing.T, plugins, root string, variables ...string) *host {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), programs.driver, "--install="+plugins).CombinedOutput(); err != nil {
		t.Fatalf("install the driver: %v\n%s", err, out)
	}
	h := &host{t: t, plugins: plugins, root: root, waiting: map[int]chan response{}}
	command := exec.Command(programs.host, plugins, root) //nolint:noctx // ended below, when its input ends
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

// stop ends the process, as the restart of a kubelet does.
func (h *host) stop() { _ = h.in.Close() }

func (h *host) read(out io.Reader) {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var answer response
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
		waiting <- response{ID: id, Error: "the process ended"}
	}
}

// do makes a call; several may run at once.
func (h *host) do(r request) response {
	answers := make(chan response, 1)
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
		return response{Error: err.Error()}
	}
	return <-answers
}

// must is a call that succeeds.
func (h *host) must(r request) response {
	h.t.Helper()
	answer := h.do(r)
	if answer.Error != "" {
		h.t.Fatalf("%s of %s: %s", r.Do, r.Spec.Name, answer.Error)
	}
	return answer
}

// fails is a call that fails with the words.
func (h *host) fails(r request, words ...string) {
	h.t.Helper()
	answer := h.do(r)
	if answer.Error == "" {
		h.t.Fatalf("%s of %s succeeded: %+v", r.Do, r.Spec.Name, answer)
	}
	for _, word := range words {
		if !contains(answer.Error, word) {
			h.t.Errorf("%s of %s lacks %q: %s", r.Do, r.Spec.Name, word, answer.Error)
		}
	}
}
