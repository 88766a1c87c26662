package bootstrap

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kube-aliyun/kube-aliyun/pkg/bootstrap/clusterfile"
	"github.com/kube-aliyun/kube-aliyun/pkg/bootstrap/pki"
)

// runUpdate runs a server's script below a folder and returns what it says.
func runUpdate(t *testing.T, c *clusterfile.Cluster, there pki.Files, address, dir string) string {
	t.Helper()
	script, err := Update(c, there, address)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "sh")
	cmd.Env = append(os.Environ(), "ROOT="+dir)
	cmd.Stdin = strings.NewReader(script)
	said, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v:\n%s", err, said)
	}
	return string(said)
}

func TestUpdateBringsARunningServerToItsUserData(t *testing.T) {
	c := example(t)
	there := keys(made(t, c))
	for _, address := range []string{etcdServer, masterServer, nodeServer} {
		dir := t.TempDir()
		runUpdate(t, c, there, address, dir)
		wanted := map[string]bool{}
		for _, f := range setupOf(t, c, there, address).Files {
			wanted[f.Path] = true
			path := filepath.Join(dir, f.Path)
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprintf("%04o", info.Mode().Perm()); got != f.Permissions {
				t.Errorf("%s: permissions %s, want %s", f.Path, got, f.Permissions)
			}
			if got, err := os.ReadFile(path); err != nil || string(got) != f.Content {
				t.Errorf("%s: %v, %q", f.Path, err, got)
			}
		}
		err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && !entry.IsDir() && !wanted[strings.TrimPrefix(path, dir)] {
				t.Errorf("%s: %s is left", address, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if said := runUpdate(t, c, there, address, dir); strings.Contains(said, "changed") {
			t.Errorf("the second run: %s", said)
		}
	}
}

func TestUpdateReplacesOnlyWhatDiffers(t *testing.T) {
	c, dir := example(t), t.TempDir()
	there := keys(made(t, c))
	runUpdate(t, c, there, etcdServer, dir)
	renewed, err := Build(c, there, pki.Options{Now: now, Renew: true, RenewBefore: 400 * 24 * 3600 * 1e9})
	if err != nil {
		t.Fatal(err)
	}
	said := runUpdate(t, c, keys(renewed), etcdServer, dir)
	for _, part := range []string{"changed: /etc/etcd/pki/server.crt\n", "changed: /etc/etcd/pki/peer.crt\n"} {
		if !strings.Contains(said, part) {
			t.Errorf("%q is not in:\n%s", part, said)
		}
	}
	if strings.Count(said, "changed: ") != 2 {
		t.Errorf("more than certificates:\n%s", said)
	}
}

func TestUpdateOfAnUnknownServerNamesTheServers(t *testing.T) {
	c := example(t)
	if _, err := Update(c, keys(made(t, c)), "10.99.0.99"); err == nil || !strings.Contains(err.Error(), masterServer) {
		t.Error(err)
	}
}
