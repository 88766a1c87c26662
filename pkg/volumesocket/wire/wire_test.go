package wire

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// serve answers the first connection by the function and returns the socket.
func serve(t *testing.T, answer func(net.Conn)) string {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "s")
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		defer func() { _ = connection.Close() }()
		answer(connection)
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		<-done
	})
	return socket
}

func TestARequestAndItsReplyArriveAsSent(t *testing.T) {
	yes := true
	sent := Request{Verb: IsAttached, Volume: "pvc-1", Node: "节点 %s\n\"", Options: map[string]string{"diskId": "d-1"}}
	var got Request
	socket := serve(t, func(connection net.Conn) {
		got, _ = ReadRequest(connection)
		_ = WriteReply(connection, Reply{Device: DevicePath("d-1", ""), Attached: &yes, Error: "100 % \n"})
	})
	reply, err := Call(t.Context(), socket, sent)
	if err != nil {
		t.Fatal(err)
	}
	sent.Version = Version
	if diff := cmp.Diff(sent, got); diff != "" {
		t.Errorf("request (-sent +got):\n%s", diff)
	}
	if diff := cmp.Diff(Reply{Version: Version, Device: "/dev/disk/by-id/virtio-1", Attached: &yes, Error: "100 % \n"}, reply); diff != "" {
		t.Errorf("reply (-sent +got):\n%s", diff)
	}
}

func TestAnUnknownMemberIsIgnoredByAnOlderPeer(t *testing.T) {
	request, err := ReadRequest(strings.NewReader(
		`{"version":1,"verb":"detach","volume":"v","node":"n","deadline":{"seconds":3}}` + "\n"))
	if err != nil || request.Verb != Detach {
		t.Fatalf("%+v, %v", request, err)
	}
	socket := serve(t, func(connection net.Conn) {
		_, _ = ReadRequest(connection)
		_, _ = io.WriteString(connection, `{"version":1,"device":"x","serials":["1"]}`+"\n")
	})
	reply, err := Call(t.Context(), socket, Request{Verb: Attach, Volume: "v", Node: "n"})
	if err != nil || reply.Device != "x" {
		t.Fatalf("%+v, %v", reply, err)
	}
}

func TestAnotherVersionIsRefusedInBothDirectionsWhateverElseItHolds(t *testing.T) {
	const line = `{"version":2,"verb":["attach"],"error":{"code":1}}` + "\n"
	var version *VersionError
	if _, err := ReadRequest(strings.NewReader(line)); !errors.As(err, &version) || version.Theirs != 2 {
		t.Errorf("request: %v", err)
	}
	socket := serve(t, func(connection net.Conn) {
		_, _ = ReadRequest(connection)
		_, _ = io.WriteString(connection, line)
	})
	version = nil
	if _, err := Call(t.Context(), socket, Request{Verb: Attach, Volume: "v", Node: "n"}); !errors.As(err, &version) || version.Theirs != 2 {
		t.Errorf("reply: %v", err)
	}
}

func TestWhatIsNoRequestIsRefusedWithoutEchoingIt(t *testing.T) {
	for name, line := range map[string]string{
		"no JSON":      "test-secret\n",
		"no version":   `{"verb":"test-secret"}` + "\n",
		"no line":      `{"version":1,"verb":"detach","volume":"test-secret","node":"n"}`,
		"unknown verb": `{"version":1,"verb":"test-secret","volume":"v","node":"n"}` + "\n",
		"no volume":    `{"version":1,"verb":"detach","node":"test-secret"}` + "\n",
		"no node":      `{"version":1,"verb":"detach","volume":"test-secret"}` + "\n",
		"wrong type":   `{"version":1,"verb":"detach","volume":7,"node":"test-secret"}` + "\n",
		"too long":     `{"version":1,"verb":"detach","volume":"` + strings.Repeat("test-secret", MaxSize/10) + `","node":"n"}` + "\n",
	} {
		_, err := ReadRequest(strings.NewReader(line))
		if err == nil || strings.Contains(err.Error(), "test-secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ReadRequest(strings.NewReader("")); !errors.Is(err, io.EOF) {
		t.Errorf("a peer that says nothing: %v", err)
	}
}

func TestTheReaderStopsAtTheLimitOfAnEndlessLine(t *testing.T) {
	endless := &counter{}
	if _, err := ReadRequest(endless); !errors.Is(err, ErrTooLong) {
		t.Errorf("error %v, not ErrTooLong", err)
	}
	if endless.read > 2*MaxSize {
		t.Errorf("%d bytes read", endless.read)
	}
}

type counter struct{ read int }

func (c *counter) Read(into []byte) (int, error) {
	for i := range into {
		into[i] = 'a'
	}
	c.read += len(into)
	return len(into), nil
}

func TestOptionsTooLongForTheSocketAreNotSent(t *testing.T) {
	received := make(chan []byte, 1)
	socket := serve(t, func(connection net.Conn) {
		all, _ := io.ReadAll(connection)
		received <- all
	})
	_, err := Call(t.Context(), socket, Request{Verb: Attach, Volume: "v", Node: "n", Options: map[string]string{"a": strings.Repeat("b", MaxSize)}})
	if sent := <-received; !errors.Is(err, ErrTooLong) || len(sent) > 0 {
		t.Errorf("error %v, %d bytes sent", err, len(sent))
	}
}

func TestAMessageTooLongIsCutAndStillArrives(t *testing.T) {
	var line bytes.Buffer
	if err := WriteReply(&line, Reply{Error: strings.Repeat("错", MaxSize)}); err != nil {
		t.Fatal(err)
	}
	var reply Reply
	if err := json.Unmarshal(line.Bytes(), &reply); err != nil || !strings.HasPrefix(reply.Error, "错错") || strings.Contains(reply.Error, "\ufffd") {
		t.Errorf("%.40s, %v", reply.Error, err)
	}
}

func TestNobodyThereCanBeToldApart(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	if _, err := Call(t.Context(), missing, Request{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no socket: %v", err)
	}
	stale := filepath.Join(t.TempDir(), "stale")
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: stale, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	listener.SetUnlinkOnClose(false)
	_ = listener.Close()
	if _, err := Call(t.Context(), stale, Request{}); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a socket that nobody serves: %v", err)
	}
}

func TestACallEndsWithItsContext(t *testing.T) {
	release := make(chan struct{})
	socket := serve(t, func(net.Conn) { <-release })
	defer close(release)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := Call(ctx, socket, Request{Verb: Attach, Volume: "v", Node: "n"}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, not the context's", err)
	}
}

func TestAPeerThatLeavesWithoutAnswerIsAnError(t *testing.T) {
	socket := serve(t, func(connection net.Conn) { _, _ = ReadRequest(connection) })
	if reply, err := Call(t.Context(), socket, Request{Verb: Detach, Volume: "v", Node: "n"}); err == nil {
		t.Errorf("reply %+v", reply)
	}
}

func TestADiskAndItsSerialAreReadBackFromTheirPath(t *testing.T) {
	for _, c := range []struct{ disk, serial, path, wantSerial string }{
		{"d-2zeabc", "", "/dev/disk/by-id/virtio-2zeabc", "2zeabc"},
		{"d-2zeabc", "2zeabc", "/dev/disk/by-id/virtio-2zeabc", "2zeabc"},
		{"d-2zeabc", "old.d-1", "/dev/disk/by-id/virtio-old.d-1.d-2zeabc", "old.d-1"},
	} {
		path := DevicePath(c.disk, c.serial)
		disk, serial, ok := ParseDevice(path)
		if path != c.path || disk != c.disk || serial != c.wantSerial || !ok {
			t.Errorf("%+v: %q, read back as %q, %q, %v", c, path, disk, serial, ok)
		}
	}
	for _, other := range []string{"", "/dev/vdb", "/dev/disk/by-id/virtio-", "x/dev/disk/by-id/virtio-1"} {
		if disk, serial, ok := ParseDevice(other); ok {
			t.Errorf("%q: %q, %q", other, disk, serial)
		}
	}
}

func FuzzReadRequest(f *testing.F) {
	f.Add(`{"version":1,"verb":"attach","volume":"v","node":"n","options":{"diskId":"d-1"}}`)
	f.Fuzz(func(t *testing.T, line string) {
		request, err := ReadRequest(strings.NewReader(line + "\n"))
		if err == nil && (request.Version != Version || request.Volume == "" || request.Node == "") {
			t.Errorf("accepted %+v", request)
		}
	})
}
