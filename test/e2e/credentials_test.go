package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/kube-aliyun/kube-aliyun/test/cluster/kubelet"
	"github.com/kube-aliyun/kube-aliyun/test/e2e/stage"
)

// secrets are all that open the cloud.
var secrets = [][]byte{[]byte(stage.ControllerKey), []byte(stage.ControllerSecret), []byte(stage.OperatorKey), []byte(stage.OperatorSecret)}

// nodeFolders are where a node's programs and Pods keep files.
var nodeFolders = []string{"/etc", "/run", "/usr/libexec/kubernetes", "/var/lib/cni", "/var/lib/containerd", "/var/lib/kube-proxy", "/var/lib/kubelet", "/var/log"}

// noCredentials checks that no process and no file of a worker holds a credential
// of the cloud. What it looks for it finds, if it is there.
func noCredentials(t *testing.T) {
	t.Helper()
	for _, server := range theatre.Workers() {
		for _, place := range search(t, server) {
			t.Errorf("%s has a credential of the cloud in %s", server.Name(), place)
		}
	}
	const planted = "/run/planted"
	server := theatre.Workers()[0]
	if err := server.Node.Write(kubelet.File{Path: planted, Content: append([]byte("key: "), secrets[0]...), Mode: 0o600}); err != nil {
		t.Fatal(err)
	}
	found := search(t, server)
	path, err := server.Node.HostPath(planted)
	if err = errors.Join(err, os.Remove(path)); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(found, []string{planted}) {
		t.Errorf("a credential that was put to %s was found in %v", planted, found)
	}
}

// search lists the processes and files of a server with a credential.
func search(t *testing.T, server *stage.Server) (places []string) {
	t.Helper()
	pids, err := theatre.PIDs(server)
	if err != nil {
		t.Fatal(err)
	}
	if len(pids) < 3 {
		t.Fatalf("%s has the processes %v only", server.Name(), pids)
	}
	for _, pid := range pids {
		for _, name := range []string{"environ", "cmdline"} {
			file := fmt.Sprintf("/proc/%d/%s", pid, name)
			if holdsSecret(file) {
				places = append(places, file)
			}
		}
	}
	root := fmt.Sprintf("/proc/%d/root", server.Node.PIDs()[kubelet.Kubelet])
	for _, folder := range nodeFolders {
		_ = filepath.WalkDir(root+folder, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && entry.Type().IsRegular() && holdsSecret(path) {
				places = append(places, path[len(root):])
			}
			return nil // files come and go
		})
	}
	return places
}

// holdsSecret reads a file piece by piece. One that is gone or cannot be read holds
// nothing.
func holdsSecret(path string) bool {
	file, err := os.Open(path)
	if err != nil {
		return false
	}
	defer func() { _ = file.Close() }()
	const overlap = 64
	buffer := make([]byte, 1<<20)
	kept := 0
	for {
		n, err := io.ReadFull(file, buffer[kept:])
		for _, secret := range secrets {
			if bytes.Contains(buffer[:kept+n], secret) {
				return true
			}
		}
		if err != nil {
			return false
		}
		kept = copy(buffer, buffer[len(buffer)-overlap:])
	}
}
