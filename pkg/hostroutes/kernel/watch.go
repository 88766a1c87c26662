package kernel

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/vishvananda/netlink/nl"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// pause is how long a watch waits before it opens another socket.
const pause = time.Second

// Watch tells of changes until ctx ends.
type Watch struct {
	// Protocol is the number of our own routes: their being added is no news.
	Protocol int
	// Buffer is the size of the socket's memory in bytes.
	Buffer int
	// Changed is called after a change, and after a loss. It must not block.
	Changed func()
	// Lost is called when news were lost, because they came faster than they
	// were read, or because the socket failed. Changed follows.
	Lost func(error)
}

// Watch runs w until ctx ends: changes of links, of addresses, and of routes in
// the main table. The kernel drops the IPv4 routes of a link that goes down
// without telling of any of them, so the links count as much as the routes.
func (k *Kernel) Watch(ctx context.Context, w Watch) {
	for ctx.Err() == nil {
		socket, err := k.subscribe(w.Buffer)
		if err == nil {
			// What changed before the socket was open is news too.
			w.Changed()
			err = receive(ctx, socket, w)
		}
		if ctx.Err() != nil {
			return
		}
		w.Lost(err)
		w.Changed()
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

func (k *Kernel) subscribe(buffer int) (*nl.NetlinkSocket, error) {
	socket, err := nl.SubscribeAt(k.namespace, netns.None(), unix.NETLINK_ROUTE, unix.RTNLGRP_LINK,
		unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV6_IFADDR, unix.RTNLGRP_IPV4_ROUTE, unix.RTNLGRP_IPV6_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("subscribe to changes: %w", err)
	}
	// Beyond the system's limit, where that is allowed.
	if err := socket.SetReceiveBufferSize(buffer, true); err != nil {
		err = socket.SetReceiveBufferSize(buffer, false)
		if err != nil {
			socket.Close()
			return nil, fmt.Errorf("memory for changes: %w", err)
		}
	}
	return socket, nil
}

// receive reads news until ctx ends or the socket fails.
func receive(ctx context.Context, socket *nl.NetlinkSocket, w Watch) error {
	stop := context.AfterFunc(ctx, socket.Close)
	defer func() {
		if stop() {
			socket.Close()
		}
	}()
	for {
		messages, from, err := socket.Receive()
		switch {
		case errors.Is(err, unix.ENOBUFS):
			// The socket goes on with what comes next.
			w.Lost(fmt.Errorf("read changes: %w", err))
			w.Changed()
			continue
		case err != nil:
			return fmt.Errorf("read changes: %w", err)
		case from.Pid != nl.PidKernel:
			continue
		}
		for _, m := range messages {
			if w.isNews(m.Header.Type, m.Data) {
				w.Changed()
				break
			}
		}
	}
}

// isNews tells whether a message may be a reason to look at the routes.
func (w Watch) isNews(kind uint16, data []byte) bool {
	if kind != unix.RTM_NEWROUTE && kind != unix.RTM_DELROUTE {
		return true
	}
	if len(data) < unix.SizeofRtMsg {
		return true
	}
	route := nl.DeserializeRtMsg(data)
	if table(route, data) != unix.RT_TABLE_MAIN || route.Flags&unix.RTM_F_CLONED != 0 {
		return false
	}
	return kind == unix.RTM_DELROUTE || int(route.Protocol) != w.Protocol
}

// table is the number of a route's table; one above 255 is in an attribute.
func table(route *nl.RtMsg, data []byte) uint32 {
	if route.Table != unix.RT_TABLE_COMPAT {
		return uint32(route.Table)
	}
	attributes, err := nl.ParseRouteAttr(data[route.Len():])
	if err != nil {
		return uint32(route.Table)
	}
	for _, a := range attributes {
		if a.Attr.Type == unix.RTA_TABLE && len(a.Value) == 4 {
			return binary.NativeEndian.Uint32(a.Value)
		}
	}
	return uint32(route.Table)
}
