package cluster

import (
	"context"
	"os"
	"strings"
	"sync/atomic"

	"github.com/kube-aliyun/kube-aliyun/test/process"
)

// child is a program that this process started.
type child struct {
	*process.Process
	// expected is set before we end it ourselves.
	expected atomic.Bool
}

// startChild starts the program of a component, its output appended to the log
// file, in the network namespace at a path ("" for this process's). Unless
// detached, the kernel ends it with this process.
func startChild(ctx context.Context, c component, detached bool, namespace string) (*child, error) {
	p, err := process.Start(ctx, process.Program{
		Name: c.Name, Binary: c.Binary, Args: c.Args, Env: c.Env, Log: c.Log,
		Detached: detached, Enter: enter(namespace),
	})
	if err != nil {
		return nil, err
	}
	return &child{Process: p}, nil
}

// lastLines returns the end of a log: at most n lines out of its last 16 KiB.
func lastLines(path string, n int) string {
	const window = 16 << 10
	content, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	if len(content) > window {
		content = content[len(content)-window:]
	}
	lines := strings.Split(strings.TrimRight(string(content), "\n"), "\n")
	if len(lines) > n {
		lines = lines[len(lines)-n:]
	}
	return strings.Join(lines, "\n")
}
