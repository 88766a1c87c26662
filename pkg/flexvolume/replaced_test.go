package flexvolume

import (
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/kube-aliyun/kube-aliyun/pkg/volumesocket/wire"
)

// brief is a controller that serves for a while, leaves the last requests without
// an answer, and takes its socket along.
func brief(t *testing.T, socket string, serve time.Duration) {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", socket)
	if err != nil {
		t.Error(err)
		return
	}
	yes := true
	stop := make(chan struct{})
	var open sync.WaitGroup
	open.Go(func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			open.Go(func() {
				defer func() { _ = connection.Close() }()
				if _, err := wire.ReadRequest(connection); err != nil {
					return
				}
				select {
				case <-time.After(50 * time.Millisecond):
					_ = wire.WriteReply(connection, wire.Reply{Device: "/dev/x", Attached: &yes})
				case <-stop:
				}
			})
		}
	})
	timer := time.NewTimer(serve)
	defer timer.Stop()
	<-timer.C
	close(stop)
	_ = listener.Close()
	open.Wait()
}

func TestAControllerThatIsReplacedFailsNoCall(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "volumes.sock")
	done := make(chan struct{})
	var calling sync.WaitGroup
	for _, arguments := range [][]string{{"attach", with("v", "diskId", "d-abc"), "n"}, {"isattached", with("v", "diskId", "d-abc"), "n"}, {"detach", "v", "n"}} {
		calling.Go(func() {
			n := 0
			for ; ; n++ {
				select {
				case <-done:
					if n < 5 {
						t.Errorf("only %d calls of %s", n, arguments[0])
					}
					return
				default:
				}
				d := New()
				d.socket = socket
				if got := d.answer(t.Context(), arguments); got.Status != statusSuccess {
					t.Errorf("%s: %+v", arguments[0], got)
				}
			}
		})
	}
	const rounds, gap = 4, 300 * time.Millisecond
	for i := range rounds {
		brief(t, socket, 330*time.Millisecond)
		if i == rounds-1 {
			close(done)
		}
		timer := time.NewTimer(gap)
		<-timer.C
		timer.Stop()
	}
	brief(t, socket, 500*time.Millisecond) // for those who still ask
	calling.Wait()
}
