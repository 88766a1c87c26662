// Package greeter shows tests who reaches whom: a greeter tells every caller the
// address that it is seen with.
package greeter

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/sandbox"
)

// Serve greets at an address ("host:port") of a namespace until the end of the test.
func Serve(t *testing.T, n *sandbox.Namespace, address string) {
	t.Helper()
	l, err := n.Listen(t.Context(), net.ListenConfig{}, "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			caller, _, _ := net.SplitHostPort(conn.RemoteAddr().String())
			_, _ = conn.Write([]byte(caller))
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
}

// Patience is how long Ask waits for an answer, once connected.
const Patience = 5 * time.Second

// Ask connects from a namespace to a greeter's address and returns the address that
// it is told it has. The dialer bounds the time to connect and names the source.
func Ask(ctx context.Context, from *sandbox.Namespace, dialer net.Dialer, to string) (string, error) {
	conn, err := from.Dial(ctx, dialer, "tcp", to)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(Patience)); err != nil {
		return "", err
	}
	told := make([]byte, 64)
	n, err := conn.Read(told)
	return string(told[:n]), err
}
