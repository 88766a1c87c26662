package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

// volume writes and reads files of a volume, and tells how large it is.
func volume(args []string, out io.Writer) (known bool, err error) {
	switch {
	case args[0] == "write" && len(args) == 3:
		return true, write(args[1], args[2])
	case args[0] == "read" && len(args) == 2:
		content, err := os.ReadFile(args[1])
		if err == nil {
			_, err = out.Write(content)
		}
		return true, err
	case args[0] == "size" && len(args) == 2:
		var of syscall.Statfs_t
		if err := syscall.Statfs(args[1], &of); err != nil {
			return true, fmt.Errorf("size of %s: %w", args[1], err)
		}
		_, err := fmt.Fprintln(out, int64(of.Blocks)*of.Bsize) // #nosec G115 -- no disk is so large
		return true, err
	}
	return false, nil
}

// write returns when the text is on the disk.
func write(path, text string) error {
	file, err := os.Create(path) // #nosec G304 -- whoever runs this says where
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	return errors.Join(err, file.Sync(), file.Close())
}
