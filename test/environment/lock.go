package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

var errBusy = errors.New("another up, down or demo is starting or stopping the environment; wait for it")

// lock makes the environment's folder and keeps other processes of this kind
// away from it until unlock, or the end of this process.
func (p place) lock() (unlock func(), err error) {
	path := filepath.Join(p.dir, "lock")
	for {
		if err := os.MkdirAll(filepath.Join(p.dir, "logs"), 0o700); err != nil {
			return nil, fmt.Errorf("making the environment's folder: %w", err)
		}
		file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
		if errors.Is(err, os.ErrNotExist) {
			continue // a `down` that is just ending has removed the folder
		}
		if err != nil {
			return nil, fmt.Errorf("locking the environment: %w", err)
		}
		closeFile := func() { _ = file.Close() } // nothing was written
		err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if errors.Is(err, syscall.EWOULDBLOCK) {
			closeFile()
			return nil, errBusy
		}
		if err != nil {
			closeFile()
			return nil, fmt.Errorf("locking the environment: %w", err)
		}
		// A `down` may have removed the file between the two calls: then this is
		// the lock of nothing.
		mine, err := file.Stat()
		if there, thereErr := os.Stat(path); err == nil && thereErr == nil && os.SameFile(mine, there) {
			return closeFile, nil
		}
		closeFile()
	}
}
