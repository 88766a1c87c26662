package flexvolume

import (
	"io"
	"os"
	"path/filepath"

	"github.com/go-logr/logr"
	"golang.org/x/sys/unix"
	"k8s.io/klog/v2"
	"k8s.io/klog/v2/textlogger"
)

// DefaultLog is where the driver writes what it did.
const DefaultLog = "/var/log/kube-aliyun/flexv.log"

// longestLog is how long the log grows before it becomes the old one, in bytes.
const longestLog = 2 << 20

// ClaimOutput takes standard output for the driver's answer and points standard
// output and standard error at the log: whatever a library, a child or the
// runtime prints would spoil the answer. It returns what the answer is written to.
func ClaimOutput() (io.Writer, error) {
	out, err := unix.FcntlInt(uintptr(unix.Stdout), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, err
	}
	path := os.Getenv(LogVariable)
	if path == "" {
		path = DefaultLog
	}
	// Without a log nor /dev/null there is nothing to print to.
	klog.SetLogger(logr.Discard())
	if log := openLog(path); log != nil {
		for _, standard := range []int{unix.Stdout, unix.Stderr} {
			if err := unix.Dup3(int(log.Fd()), standard, 0); err != nil { // #nosec G115 -- a file descriptor
				return nil, err
			}
		}
		if err := logTo(os.Stderr); err != nil {
			return nil, err
		}
	}
	return os.NewFile(uintptr(out), "answer"), nil // #nosec G115 -- a file descriptor
}

// logTo makes the libraries' log lines go there too.
func logTo(log io.Writer) error {
	level := "1"
	if debug := os.Getenv(DebugVariable); debug != "" && debug != "0" && debug != "false" {
		level = "5"
	}
	config := textlogger.NewConfig(textlogger.Output(log))
	if err := config.Verbosity().Set(level); err != nil {
		return err
	}
	// What libraries write without a logger is filtered by klog itself.
	var global klog.Level
	if err := global.Set(level); err != nil {
		return err
	}
	klog.SetLoggerWithOptions(textlogger.NewLogger(config), klog.ContextualLogger(true))
	return nil
}

// openLog opens the log, or what swallows everything where that is not possible:
// kube-controller-manager's image is read-only and may run as anybody.
func openLog(path string) *os.File {
	if path != "off" {
		_ = os.MkdirAll(filepath.Dir(path), 0o750)
		if log, err := openRotated(path); err == nil {
			return log
		}
	}
	nothing, _ := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	return nothing
}

// openRotated opens the log to append to it, a new one if it has become too long.
// Several calls run at once; a lock lets one of them rename it.
func openRotated(path string) (*os.File, error) {
	const flags = os.O_CREATE | os.O_APPEND | os.O_WRONLY | unix.O_NOFOLLOW
	log, err := os.OpenFile(path, flags, 0o640) // #nosec G302 G304 -- the administrator's choice
	if err != nil {
		return nil, err
	}
	if fresh := rotate(path, log, flags); fresh != nil {
		_ = log.Close()
		return fresh, nil
	}
	return log, nil
}

// rotate is the new log, or nil if the one that is there has to do.
func rotate(path string, log *os.File, flags int) *os.File {
	if info, err := log.Stat(); err != nil || info.Size() < longestLog {
		return nil
	}
	if unix.Flock(int(log.Fd()), unix.LOCK_EX) != nil { // #nosec G115 -- a file descriptor
		return nil
	}
	if now, err := os.Stat(path); err == nil && now.Size() >= longestLog && os.Rename(path, path+".1") != nil {
		return nil
	}
	fresh, err := os.OpenFile(path, flags, 0o640) // #nosec G302 G304 -- the administrator's choice
	if err != nil {
		return nil
	}
	return fresh
}
