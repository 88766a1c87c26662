package stage

import (
	"context"
	"net"
	"runtime"

	"github.com/vishvananda/netlink"

	"github.com/kube-aliyun/kube-aliyun/test/sandbox"
)

// Place is a network namespace of the region, with the address of what is in it.
type Place struct {
	Namespace, Address string
}

// Dial connects from the place to a literal address.
func (p Place) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	var conn net.Conn
	err := p.do(func() (err error) {
		conn, err = (&net.Dialer{}).DialContext(ctx, network, address)
		return err
	})
	return conn, err
}

// Listen listens for streams in the place.
func (p Place) Listen(ctx context.Context, network, address string) (net.Listener, error) {
	var listener net.Listener
	err := p.do(func() (err error) {
		listener, err = (&net.ListenConfig{}).Listen(ctx, network, address)
		return err
	})
	return listener, err
}

// cut pulls the cable out of the server's side, as a server does whose power fails.
func (p Place) cut() error {
	return p.do(func() error {
		link, err := netlink.LinkByName("eth0")
		if err != nil {
			return err
		}
		return netlink.LinkSetDown(link)
	})
}

// do runs on a thread of its own in the namespace.
func (p Place) do(do func() error) error {
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		err := sandbox.Enter(p.Namespace)
		if err == nil {
			err = do()
		}
		result <- err
	}()
	return <-result
}
