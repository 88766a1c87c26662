package flexvolume

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kube-aliyun/kube-aliyun/pkg/volumesocket/wire"
)

// calls is a controller that keeps what it was asked.
type calls struct {
	mutex sync.Mutex
	seen  []wire.Request
}

func (c *calls) count() int {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return len(c.seen)
}

// serve answers every request until the test ends: with the function's reply, or
// with success. It returns the socket.
func (c *calls) serve(t *testing.T, answer func(wire.Request) wire.Reply) string {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "volumes.sock")
	c.serveAt(t, socket, answer)
	return socket
}

func (c *calls) serveAt(t *testing.T, socket string, answer func(wire.Request) wire.Reply) {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	var open sync.WaitGroup
	open.Go(func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			open.Go(func() {
				defer func() { _ = connection.Close() }()
				c.one(t, connection, answer)
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		open.Wait()
	})
}

func (c *calls) one(t *testing.T, connection net.Conn, answer func(wire.Request) wire.Reply) {
	request, err := wire.ReadRequest(connection)
	if err != nil {
		t.Error(err)
		return
	}
	c.mutex.Lock()
	c.seen = append(c.seen, request)
	c.mutex.Unlock()
	yes := true
	reply := wire.Reply{Device: wire.DevicePath("d-abc", ""), Attached: &yes}
	if answer != nil {
		reply = answer(request)
	}
	// A driver that gave up is no fault.
	_ = wire.WriteReply(connection, reply)
}

// ask runs a call of the released driver with the socket.
func ask(t *testing.T, socket string, arguments ...string) answer {
	t.Helper()
	released, _ := built(t)
	return runDriver(t, released, []string{LogVariable + "=off", SocketVariable + "=" + socket}, nil, arguments...)
}

func TestTheControllerIsAskedForWhatItMayKnow(t *testing.T) {
	c := &calls{}
	socket := c.serve(t, nil)
	options := with("pvc-1", "diskId", "d-abc", "deleteWithInstance", "true",
		"kubernetes.io/secret/key", "test-secret", "kubernetes.io/pod.name", "p", "kubernetes.io/serviceAccount.name", "s", "kubernetes.io/mounterArgs.FsGroup", "1")
	if got := ask(t, socket, "attach", options, "n"); got.Device != "/dev/disk/by-id/virtio-abc" {
		t.Errorf("attach: %+v", got)
	}
	if got := ask(t, socket, "isattached", options, "n"); got.Attached == nil || !*got.Attached {
		t.Errorf("isattached: %+v", got)
	}
	if got := ask(t, socket, "detach", "pvc-1", "n"); got.Status != statusSuccess {
		t.Errorf("detach: %+v", got)
	}
	kept := map[string]string{keyFSType: "", keyReadWrite: "rw", keyName: "pvc-1", "diskId": "d-abc", "deleteWithInstance": "true"}
	want := []wire.Request{
		{Version: wire.Version, Verb: wire.Attach, Volume: "pvc-1", Node: "n", Options: kept},
		{Version: wire.Version, Verb: wire.IsAttached, Volume: "pvc-1", Node: "n", Options: kept},
		{Version: wire.Version, Verb: wire.Detach, Volume: "pvc-1", Node: "n"},
	}
	if diff := cmp.Diff(want, c.seen); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestTheControllersMessageIsPassedOnAsItIs(t *testing.T) {
	const message = "disk d-abc is used by node \"a%s\"\n在用"
	socket := (&calls{}).serve(t, func(wire.Request) wire.Reply { return wire.Reply{Error: message} })
	for _, arguments := range [][]string{{"attach", with("v", "diskId", "d-abc"), "n"}, {"isattached", with("v", "diskId", "d-abc"), "n"}, {"detach", "v", "n"}} {
		if got := ask(t, socket, arguments...); got.Status != statusFailure || got.Message != message {
			t.Errorf("%s: %+v", arguments[0], got)
		}
	}
}

func TestAnAnswerThatLacksWhatWasAskedForIsAFailure(t *testing.T) {
	socket := (&calls{}).serve(t, func(wire.Request) wire.Reply { return wire.Reply{} })
	for _, verb := range []string{"attach", "isattached"} {
		if got := ask(t, socket, verb, with("v", "diskId", "d-abc"), "n"); got.Status != statusFailure {
			t.Errorf("%s: %+v", verb, got)
		}
	}
}

func TestNotAttachedIsSaidInSoManyWords(t *testing.T) {
	no := false
	socket := (&calls{}).serve(t, func(wire.Request) wire.Reply { return wire.Reply{Attached: &no} })
	if got := ask(t, socket, "isattached", with("v", "diskId", "d-abc"), "n"); got.Status != statusSuccess || got.Attached == nil || *got.Attached {
		t.Errorf("%+v", got)
	}
}

func TestCase13WithoutControllerACallFailsAtOnceAndWorksWhenItIsBack(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "volumes.sock")
	for _, arguments := range [][]string{{"attach", with("v", "diskId", "d-abc"), "n"}, {"isattached", with("v", "diskId", "d-abc"), "n"}, {"detach", "v", "n"}} {
		begin := time.Now()
		got := ask(t, socket, arguments...)
		if got.Status != statusFailure || !strings.Contains(got.Message, socket) || !strings.Contains(got.Message, "aliyun-controller") {
			t.Errorf("%s: %+v", arguments[0], got)
		}
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("%s took %s", arguments[0], took)
		}
	}
	(&calls{}).serveAt(t, socket, nil)
	if got := ask(t, socket, "attach", with("v", "diskId", "d-abc"), "n"); got.Status != statusSuccess {
		t.Errorf("with the controller back: %+v", got)
	}
}

func TestCase17ACallEndsByItselfWhenTheControllerHangs(t *testing.T) {
	release := make(chan struct{})
	socket := (&calls{}).serve(t, func(wire.Request) wire.Reply {
		<-release
		return wire.Reply{Error: "late"}
	})
	defer close(release)
	d := New()
	d.socket = socket
	for _, arguments := range [][]string{{"attach", with("v", "diskId", "d-abc"), "n"}, {"isattached", with("v", "diskId", "d-abc"), "n"}, {"detach", "v", "n"}} {
		c := d.calls[arguments[0]]
		if c.limit > 2*time.Minute || arguments[0] == "isattached" && c.limit > 15*time.Second {
			t.Errorf("%s may take %s", arguments[0], c.limit)
		}
		c.limit = 50 * time.Millisecond
		d.calls[arguments[0]] = c
		if got := d.answer(t.Context(), arguments); got.Status != statusFailure || !strings.Contains(got.Message, "in time") {
			t.Errorf("%s: %+v", arguments[0], got)
		}
	}
}

func TestAKubeletThatAttachesByItselfIsTold(t *testing.T) {
	socket := (&calls{}).serve(t, nil)
	d := New()
	d.socket, d.proc = socket, t.TempDir()
	parent := filepath.Join(d.proc, strconv.Itoa(os.Getppid()))
	if err := os.MkdirAll(parent, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(parent, "comm"), []byte("kubelet\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got := d.answer(t.Context(), []string{"attach", with("v", "diskId", "d-abc"), "n"})
	if got.Status != statusFailure || !strings.Contains(got.Message, "enableControllerAttachDetach") {
		t.Errorf("%+v", got)
	}
}
