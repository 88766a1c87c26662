package traffic

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/images/echo"
)

const (
	heldPause   = 200 * time.Millisecond
	heldTimeout = 10 * time.Second
)

// Held are connections that stay open and are used all the time.
type Held struct {
	stop    context.CancelFunc
	running sync.WaitGroup

	mu sync.Mutex
	// lines and problems are guarded by mu.
	lines    int
	problems []error
}

// Hold opens connections to the echo service at an address and uses them until Stop.
func Hold(ctx context.Context, dial echo.Dial, address string, connections int) (*Held, error) {
	ctx, stop := context.WithCancel(ctx)
	h := &Held{stop: stop}
	for range connections {
		conn, err := dial(ctx, "tcp4", address)
		if err != nil {
			_, _ = h.Stop()
			return nil, fmt.Errorf("opening a connection to %s: %w", address, err)
		}
		h.running.Go(func() { h.use(ctx, conn) })
	}
	return h, nil
}

func (h *Held) use(ctx context.Context, conn net.Conn) {
	defer func() { _ = conn.Close() }()
	answers := bufio.NewReader(conn)
	tick := time.NewTicker(heldPause)
	defer tick.Stop()
	for {
		err := conn.SetDeadline(time.Now().Add(heldTimeout))
		if err == nil {
			_, err = conn.Write([]byte("still here\n"))
		}
		if err == nil {
			_, err = answers.ReadBytes('\n')
		}
		h.mu.Lock()
		h.lines++
		if err != nil {
			h.problems = append(h.problems, fmt.Errorf("%s, connection from %s: %w", time.Now().Format(time.TimeOnly), conn.LocalAddr(), err))
		}
		h.mu.Unlock()
		if err != nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Stop closes the connections, and tells how many lines went over them and which of
// them were lost.
func (h *Held) Stop() (lines int, lost error) {
	h.stop()
	h.running.Wait()
	return h.lines, errors.Join(h.problems...)
}
