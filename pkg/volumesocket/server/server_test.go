package server

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/kube-aliyun/kube-aliyun/pkg/volumesocket/wire"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("k8s.io/klog/v2.(*flushDaemon).run.func1"))
}

// volumes does what the test says.
type volumes struct {
	attach func(context.Context, wire.Request) (string, error)
}

func (v volumes) Attach(ctx context.Context, req wire.Request) (string, error) {
	return v.attach(ctx, req)
}

func (v volumes) Detach(_ context.Context, volume, node string) error {
	return errors.New("detach " + volume + " " + node)
}

func (v volumes) IsAttached(_ context.Context, req wire.Request) (bool, error) {
	return req.Volume == "there", nil
}

// start serves on a socket of its own until stop or the end of the test.
func start(t *testing.T, change func(*Options)) (socket string, stop func()) {
	t.Helper()
	opts := Options{Path: filepath.Join(t.TempDir(), "volumes", "volumes.sock"), Group: -1, Volumes: volumes{
		attach: func(context.Context, wire.Request) (string, error) { return "/dev/x", nil },
	}}
	if change != nil {
		change(&opts)
	}
	server, err := Listen(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := server.Serve(ctx); err != nil {
			t.Error(err)
		}
	})
	stop = sync.OnceFunc(func() { cancel(); wg.Wait() })
	t.Cleanup(stop)
	return opts.Path, stop
}

func call(t *testing.T, socket string, verb wire.Verb, volume string) wire.Reply {
	t.Helper()
	reply, err := wire.Call(t.Context(), socket, wire.Request{Verb: verb, Volume: volume, Node: "node-1"})
	if err != nil {
		t.Fatal(err)
	}
	return reply
}

func TestEachVerbIsAnswered(t *testing.T) {
	socket, _ := start(t, nil)
	if reply := call(t, socket, wire.Attach, "v"); reply.Device != "/dev/x" || reply.Error != "" {
		t.Errorf("attach: %+v", reply)
	}
	if reply := call(t, socket, wire.Detach, "v"); reply.Error != "detach v node-1" {
		t.Errorf("detach: %+v", reply)
	}
	if reply := call(t, socket, wire.IsAttached, "there"); reply.Attached == nil || !*reply.Attached {
		t.Errorf("is attached: %+v", reply)
	}
	if reply := call(t, socket, wire.IsAttached, "elsewhere"); reply.Attached == nil || *reply.Attached {
		t.Errorf("is not attached: %+v", reply)
	}
}

func TestTheSocketIsForItsOwnersAlone(t *testing.T) {
	socket, _ := start(t, nil)
	for path, want := range map[string]os.FileMode{socket: 0o660, filepath.Dir(socket): 0o750} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o", path, got, want)
		}
	}
}

func TestAPeerOfAnotherUserIsRefused(t *testing.T) {
	s := &Server{opts: Options{PeerUIDs: []int{1234}}}
	for uid, want := range map[int]bool{0: true, os.Getuid(): true, 1234: true, 4321: false, -1: false} {
		if got := s.allowed(uid); got != want {
			t.Errorf("uid %d: %v", uid, got)
		}
	}
}

func TestASocketThatADeadProcessLeftIsReplaced(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "volumes.sock")
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	_ = dead.Close()
	start(t, func(o *Options) { o.Path = socket })
	if reply := call(t, socket, wire.Attach, "v"); reply.Device == "" {
		t.Errorf("%+v", reply)
	}
}

func TestASocketThatALivingProcessServesIsNotTaken(t *testing.T) {
	socket, stop := start(t, nil)
	_, err := Listen(t.Context(), Options{Path: socket, Group: -1})
	if err == nil || !strings.Contains(err.Error(), "another process serves it") {
		t.Errorf("got %v", err)
	}
	if reply := call(t, socket, wire.Attach, "v"); reply.Device == "" {
		t.Errorf("%+v", reply)
	}
	stop()
	again, err := Listen(t.Context(), Options{Path: socket, Group: -1})
	if err != nil {
		t.Fatal(err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := again.Serve(over); err != nil {
		t.Error(err)
	}
}

func TestAFileInTheSocketsPlaceAndAnOpenDirectoryAreRefused(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "volumes.sock")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(t.Context(), Options{Path: file, Group: -1}); err == nil {
		t.Error("a file was replaced")
	}
	if err := os.Chmod(dir, 0o777); err != nil { // #nosec G302 -- on purpose
		t.Fatal(err)
	}
	if _, err := Listen(t.Context(), Options{Path: filepath.Join(dir, "s"), Group: -1}); err == nil {
		t.Error("a directory that everybody may write was taken")
	}
}

func TestARequestEndsWithItsTime(t *testing.T) {
	socket, _ := start(t, func(o *Options) {
		o.Operation = 20 * time.Millisecond
		o.Volumes = volumes{attach: func(ctx context.Context, _ wire.Request) (string, error) {
			<-ctx.Done()
			return "", context.Cause(ctx)
		}}
	})
	if reply := call(t, socket, wire.Attach, "v"); reply.Error != "not done within 20ms" {
		t.Errorf("%+v", reply)
	}
}

func TestMoreRequestsThanAreServedAtATimeAreTurnedAway(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	socket, _ := start(t, func(o *Options) {
		o.Concurrent = 1
		o.Volumes = volumes{attach: func(context.Context, wire.Request) (string, error) {
			close(entered)
			<-leave
			return "/dev/x", nil
		}}
	})
	var wg sync.WaitGroup
	wg.Go(func() {
		reply, err := wire.Call(t.Context(), socket, wire.Request{Verb: wire.Attach, Volume: "v", Node: "n"})
		if err != nil || reply.Device == "" {
			t.Errorf("%+v, %v", reply, err)
		}
	})
	<-entered
	if reply := call(t, socket, wire.Detach, "v"); !strings.Contains(reply.Error, "too many") {
		t.Errorf("%+v", reply)
	}
	close(leave)
	wg.Wait()
}

func TestAPanicHarmsItsRequestOnly(t *testing.T) {
	socket, _ := start(t, func(o *Options) {
		o.Volumes = volumes{attach: func(context.Context, wire.Request) (string, error) { panic("test-secret") }}
	})
	if reply := call(t, socket, wire.Attach, "v"); reply.Error == "" || strings.Contains(reply.Error, "test-secret") {
		t.Errorf("%+v", reply)
	}
	if reply := call(t, socket, wire.IsAttached, "there"); reply.Attached == nil {
		t.Errorf("%+v", reply)
	}
}

func TestWhatIsNoRequestIsRefused(t *testing.T) {
	socket, _ := start(t, nil)
	connection, err := (&net.Dialer{}).DialContext(t.Context(), "unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	if _, err := connection.Write([]byte("GET / HTTP/1.1\n")); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 1000)
	n, err := connection.Read(answer)
	if err != nil || !strings.Contains(string(answer[:n]), `"error"`) {
		t.Errorf("%q, %v", answer[:n], err)
	}
}
