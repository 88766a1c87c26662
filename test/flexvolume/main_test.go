package flexvolume

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/kube-aliyun/kube-aliyun/test/flexhost"
)

// isolated marks the process that has a mount namespace of its own.
const isolated = "FLEXV_TEST_ISOLATED"

// programs are built once.
var programs flexhost.Programs

type (
	host     = flexhost.Host
	volume   = flexhost.Volume
	request  = flexhost.Request
	response = flexhost.Response
)

var ofDisk = flexhost.OfDisk

func TestMain(m *testing.M) { os.Exit(run(m)) }

// run tests in a mount namespace that goes with the process, whatever is mounted.
func run(m *testing.M) int {
	if os.Getuid() != 0 {
		fmt.Println("left out: loop devices and mounts take root")
		return 0
	}
	for _, program := range []string{"mkfs.ext4", "mkfs.xfs", "blkid", "mount"} {
		if _, err := exec.LookPath(program); err != nil {
			fmt.Printf("left out: %s is missing; 'sudo make setup' installs it\n", program)
			return 0
		}
	}
	if os.Getenv(isolated) == "" {
		command := exec.Command("/proc/self/exe", os.Args[1:]...) //nolint:noctx // ends with this process
		command.Env = append(os.Environ(), isolated+"=1")
		command.Stdout, command.Stderr = os.Stdout, os.Stderr
		command.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
		err := command.Run()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return command.ProcessState.ExitCode()
	}
	dir, err := os.MkdirTemp("", "flexvolume-test-")
	if err == nil {
		defer func() { _ = os.RemoveAll(dir) }()
		programs, err = flexhost.Build(context.Background(), dir, "../..")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}
