package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// prepare makes the directory, or takes the one that is there: it must not be
// writable for everybody.
func prepare(directory string, group int) error {
	if err := os.MkdirAll(directory, directoryMode); err != nil {
		return err
	}
	info, err := os.Lstat(directory)
	switch {
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s is not a directory", directory)
	case info.Mode().Perm()&0o002 != 0:
		return fmt.Errorf("%s may be written by everybody: chmod it to %o", directory, directoryMode)
	}
	if group < 0 {
		return nil
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if ok && int(owner.Gid) == group {
		return nil
	}
	if err := os.Chown(directory, -1, group); err != nil {
		return fmt.Errorf("give it to group %d: %w", group, err)
	}
	return nil
}

// exclusive takes a lock that the kernel gives back when the process dies.
func exclusive(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|unix.O_NOFOLLOW, 0o600) // #nosec G304 -- beside the configured socket
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = file.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, errors.New("another process serves it")
		}
		return nil, err
	}
	return file, nil
}

// listen replaces what a dead process left. Until the socket has its permissions,
// the directory's and the check of the peer keep others out.
func listen(ctx context.Context, path string, group int) (*net.UnixListener, error) {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	case info.Mode().Type() != fs.ModeSocket:
		return nil, errors.New("there is a file of that name that is no socket")
	default:
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	}
	made, err := (&net.ListenConfig{}).Listen(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	listener, ok := made.(*net.UnixListener)
	if !ok {
		_ = made.Close()
		return nil, fmt.Errorf("a listener of type %T", made)
	}
	if group >= 0 {
		err = os.Chown(path, -1, group)
	}
	if err = errors.Join(err, os.Chmod(path, socketMode)); err != nil {
		_ = listener.Close()
		return nil, err
	}
	return listener, nil
}
