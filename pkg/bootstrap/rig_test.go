package bootstrap

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	assets "github.com/kube-aliyun/kube-aliyun/deploy/bootstrap"
	"github.com/kube-aliyun/kube-aliyun/deploy/controller"
	"github.com/kube-aliyun/kube-aliyun/pkg/bootstrap/clusterfile"
	"github.com/kube-aliyun/kube-aliyun/pkg/bootstrap/pki"
	"github.com/kube-aliyun/kube-aliyun/pkg/bootstrap/render"
)

// Tests whose names begin with R and a number hold what a reader of
// docs/guides/production-cluster.md is promised under that number.

// now is when the certificates of these tests are made.
var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

const (
	etcdServer   = "10.99.0.11"
	masterServer = "10.99.0.21"
	nodeServer   = "10.99.0.31"
)

// example is the cluster file that is shipped.
func example(t *testing.T) *clusterfile.Cluster {
	t.Helper()
	content, err := assets.Files.ReadFile("cluster.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c, err := clusterfile.Parse(content)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// made is everything of a cluster, from nothing.
func made(t *testing.T, c *clusterfile.Cluster) *Output {
	t.Helper()
	out, err := Build(c, pki.Files{}, pki.Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// keys are the certificates and keys of an output.
func keys(out *Output) pki.Files {
	files := pki.Files{}
	for path, content := range out.Files {
		if name, is := strings.CutPrefix(path, keyFolder+"/"); is {
			files[name] = content
		}
	}
	return files
}

// setup is that of the server with an address.
func setup(t *testing.T, c *clusterfile.Cluster, address string) *render.Setup {
	t.Helper()
	return setupOf(t, c, keys(made(t, c)), address)
}

// setupOf is setup with certificates and keys that are there.
func setupOf(t *testing.T, c *clusterfile.Cluster, there pki.Files, address string) *render.Setup {
	t.Helper()
	all := render.Assets{Bootstrap: assets.Files, Controller: controller.Files}
	for _, server := range c.All() {
		if server.Address == address {
			s, err := all.Server(c, server, there)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
	}
	t.Fatalf("no server %s", address)
	return nil
}

// content is that of a file of a server.
func content(t *testing.T, s *render.Setup, path string) string {
	t.Helper()
	for _, f := range s.Files {
		if f.Path == path {
			return f.Content
		}
	}
	t.Fatalf("%s has no %s", s.Server.Address, path)
	return ""
}

// put writes a file below a folder.
func put(t *testing.T, dir, path, content string, mode os.FileMode) string {
	t.Helper()
	file := filepath.Join(dir, path)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	return file
}

// root is the repository.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
