package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

// mounted is where network namespaces have names, as `ip netns` has it, so that
// a person can look into them.
const mounted = "/run/netns"

// Namespace is a network namespace of a sandbox. Its loopback is up.
type Namespace struct {
	name    string
	handle  netns.NsHandle
	netlink *netlink.Handle
	owner   *Sandbox
}

// Namespace makes a network namespace. The name is unique in the sandbox.
func (s *Sandbox) Namespace(name string) (*Namespace, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, exists := s.namespaces[name]; exists {
		return nil, fmt.Errorf("network namespace %s: %w", name, fs.ErrExist)
	}
	n := &Namespace{name: s.id + "-" + name, handle: netns.None(), owner: s}
	err := onThread(func() (err error) {
		// The thread is in the new namespace afterwards, and ends with it.
		n.handle, err = netns.NewNamed(n.name)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("network namespace %s: %w", n.name, err)
	}
	if n.netlink, err = netlink.NewHandleAt(n.handle); err == nil {
		err = n.loopback()
	}
	if err != nil {
		return nil, fmt.Errorf("network namespace %s: %w", n.name, errors.Join(err, n.remove()))
	}
	s.namespaces[name] = n
	return n, nil
}

func (n *Namespace) loopback() error {
	lo, err := n.netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	return n.netlink.LinkSetUp(lo)
}

// Name is the namespace's name for `ip netns`.
func (n *Namespace) Name() string { return n.name }

// Path is the file that setns and nsenter take.
func (n *Namespace) Path() string { return filepath.Join(mounted, n.name) }

// FD is the file descriptor of the namespace, to move a link into it.
func (n *Namespace) FD() int { return int(n.handle) }

// Netlink speaks with the namespace's kernel.
func (n *Namespace) Netlink() *netlink.Handle { return n.netlink }

// Do runs do in the namespace: sockets that it opens, files of /proc/sys/net and
// programs that it starts are the namespace's. do must not start goroutines that
// open sockets.
func (n *Namespace) Do(do func() error) error {
	return onThread(func() error {
		if err := n.Enter(); err != nil {
			return err
		}
		return do()
	})
}

// Enter moves the calling thread into the namespace. The caller has locked its
// goroutine to the thread and never unlocks it.
func (n *Namespace) Enter() error {
	if err := netns.Set(n.handle); err != nil {
		return fmt.Errorf("enter network namespace %s: %w", n.name, err)
	}
	return nil
}

// Within runs do in the namespace at a path, which may be another process's, as
// Namespace.Do does in one of its own.
func Within(path string, do func() error) error {
	return onThread(func() error {
		if err := Enter(path); err != nil {
			return err
		}
		return do()
	})
}

// Enter moves the calling thread into the namespace at a path, which may be
// another process's. The caller has locked its goroutine to the thread and never
// unlocks it.
func Enter(path string) error {
	handle, err := netns.GetFromPath(path)
	if err == nil {
		err = netns.Set(handle)
		_ = handle.Close()
	}
	if err != nil {
		return fmt.Errorf("enter network namespace %s: %w", path, err)
	}
	return nil
}

// Sysctl sets a value below /proc/sys/net, such as "ipv4/ip_forward".
func (n *Namespace) Sysctl(name, value string) error {
	return n.Do(func() error {
		if err := os.WriteFile(filepath.Join("/proc/sys/net", name), []byte(value), 0); err != nil {
			return fmt.Errorf("sysctl net/%s in %s: %w", name, n.name, err)
		}
		return nil
	})
}

// Listen listens for streams in the namespace.
func (n *Namespace) Listen(ctx context.Context, config net.ListenConfig, network, address string) (net.Listener, error) {
	var listener net.Listener
	err := n.Do(func() (err error) {
		listener, err = config.Listen(ctx, network, address)
		return err
	})
	return listener, err
}

// ListenPacket listens for datagrams in the namespace.
func (n *Namespace) ListenPacket(ctx context.Context, config net.ListenConfig, network, address string) (net.PacketConn, error) {
	var conn net.PacketConn
	err := n.Do(func() (err error) {
		conn, err = config.ListenPacket(ctx, network, address)
		return err
	})
	return conn, err
}

// Dial connects from the namespace to a literal address.
func (n *Namespace) Dial(ctx context.Context, dialer net.Dialer, network, address string) (net.Conn, error) {
	// Two addresses of a name would be dialled on threads of their own.
	if _, err := netip.ParseAddrPort(address); err != nil {
		return nil, fmt.Errorf("dial from network namespace %s: %w", n.name, err)
	}
	var conn net.Conn
	err := n.Do(func() (err error) {
		conn, err = dialer.DialContext(ctx, network, address)
		return err
	})
	return conn, err
}

// Remove removes the namespace's name. The namespace itself, with its links,
// goes when no process or socket is in it.
func (n *Namespace) Remove() error {
	n.owner.mu.Lock()
	defer n.owner.mu.Unlock()
	for name, other := range n.owner.namespaces {
		if other == n {
			delete(n.owner.namespaces, name)
		}
	}
	return n.remove()
}

func (n *Namespace) remove() error {
	n.forget()
	if err := netns.DeleteNamed(n.name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove network namespace %s: %w", n.name, err)
	}
	return nil
}

// forget closes what this process holds of the namespace.
func (n *Namespace) forget() {
	if n.netlink != nil {
		n.netlink.Close()
	}
	if n.handle.IsOpen() {
		_ = n.handle.Close()
	}
}

// onThread runs do on a thread that no other goroutine will use: it may change
// the thread's namespace.
func onThread(do func() error) error {
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		result <- do()
	}()
	return <-result
}
