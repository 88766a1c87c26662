package cluster

import (
	"context"
	"net"
	"runtime"

	"github.com/kube-aliyun/kube-aliyun/test/sandbox"
)

// dial connects to a literal address from where the programs are: their network
// namespace, or this machine.
func (c *Cluster) dial(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := &net.Dialer{}
	if c.record.Namespace == "" {
		return dialer.DialContext(ctx, network, address)
	}
	var conn net.Conn
	err := inNamespace(c.record.Namespace, func() (err error) {
		conn, err = dialer.DialContext(ctx, network, address)
		return err
	})
	return conn, err
}

// enter is what puts a program into a network namespace, or nil without one.
func enter(namespace string) func() error {
	if namespace == "" {
		return nil
	}
	return func() error { return sandbox.Enter(namespace) }
}

// inNamespace runs do on a thread of its own in a network namespace. do must not
// start goroutines that open sockets.
func inNamespace(path string, do func() error) error {
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		err := sandbox.Enter(path)
		if err == nil {
			err = do()
		}
		result <- err
	}()
	return <-result
}
