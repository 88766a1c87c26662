package server

import (
	"errors"
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// peer returns the user of the process at the other end.
func peer(connection *net.UnixConn) (uid int, err error) {
	raw, err := connection.SyscallConn()
	if err != nil {
		return -1, err
	}
	var credentials *unix.Ucred
	var failed error
	err = raw.Control(func(fd uintptr) {
		credentials, failed = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err = errors.Join(err, failed); err != nil {
		return -1, fmt.Errorf("ask who the peer is: %w", err)
	}
	return int(credentials.Uid), nil
}
