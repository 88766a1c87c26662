package image

import (
	"archive/tar"
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// program compiles a static Go program for an architecture.
func program(t *testing.T, architecture string, arguments ...string) string {
	t.Helper()
	dir := t.TempDir()
	source := "package main\n\nimport (\n\t\"fmt\"\n\t\"os\"\n)\n\nfunc main() {\n" +
		"\tfmt.Println(os.Getuid(), os.Getgid(), os.Args[1:], os.WriteFile(\"/new\", nil, 0o600) != nil)\n}\n"
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "program")
	command := exec.CommandContext(t.Context(), "go", append(append([]string{"build", "-o", out}, arguments...), filepath.Join(dir, "main.go"))...)
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+architecture)
	if text, err := command.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, text)
	}
	return out
}

func controller(t *testing.T, architecture string) v1.Image {
	t.Helper()
	spec, err := Controller(program(t, architecture), program(t, architecture), architecture, "v1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	img, err := New(spec)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// list prints what is in an image, a line each: mode, owner, time, name.
func list(t *testing.T, img v1.Image) string {
	t.Helper()
	content := mutate.Extract(img)
	defer func() { _ = content.Close() }()
	var out strings.Builder
	for archive := tar.NewReader(content); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return out.String()
		}
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "%s %d:%d %d %s\n", h.FileInfo().Mode(), h.Uid, h.Gid, h.ModTime.Unix(), h.Name)
	}
}

const controllerFiles = `-rwxr-xr-x 0:0 0 aliyun-controller
-rwxr-xr-x 0:0 0 aliyun-flexv
drwxr-xr-x 0:0 0 etc
drwxr-xr-x 0:0 0 etc/ssl
drwxr-xr-x 0:0 0 etc/ssl/certs
-rw-r--r-- 0:0 0 etc/ssl/certs/ca-certificates.crt
`

func TestArchiveHoldsBothProgramsAndNothingElse(t *testing.T) {
	for architecture := range machines {
		t.Run(architecture, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "folder", "image.tar")
			if err := WriteArchive(file, controller(t, architecture), "localhost/a/b:v1.2.3"); err != nil {
				t.Fatal(err)
			}
			img, err := tarball.ImageFromPath(file, nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := validate.Image(img); err != nil {
				t.Error(err)
			}
			if got := list(t, img); got != controllerFiles {
				t.Errorf("files:\n%swant:\n%s", got, controllerFiles)
			}
			config, err := img.ConfigFile()
			if err != nil {
				t.Fatal(err)
			}
			got := fmt.Sprint(config.OS, " ", config.Architecture, " ", config.Config.User, " ", config.Config.Entrypoint, " ", config.Config.Cmd)
			if want := "linux " + architecture + " 65532:65532 [/aliyun-controller] []"; got != want {
				t.Errorf("configuration %q, want %q", got, want)
			}
			if got := config.Config.Labels["org.opencontainers.image.version"]; got != "v1.2.3" {
				t.Errorf("version %q", got)
			}
		})
	}
}

func TestArchiveCarriesAllNames(t *testing.T) {
	file := filepath.Join(t.TempDir(), "image.tar")
	if err := WriteArchive(file, controller(t, "amd64"), "localhost/a/b:v1.2.3", "localhost/a/b:local"); err != nil {
		t.Fatal(err)
	}
	manifest, err := tarball.LoadManifest(func() (io.ReadCloser, error) { return os.Open(file) })
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(manifest[0].RepoTags); got != "[localhost/a/b:local localhost/a/b:v1.2.3]" {
		t.Errorf("names %s", got)
	}
}

func TestSameInputGivesTheSameArchive(t *testing.T) {
	binary, dir := program(t, "amd64"), t.TempDir()
	var first []byte
	for n := range 5 {
		// Neither the file's time nor the order of the files counts.
		if err := os.Chtimes(binary, time.Now(), time.Unix(int64(n)*1000, 0)); err != nil {
			t.Fatal(err)
		}
		spec, err := Controller(binary, binary, "amd64", "v1.2.3")
		if err != nil {
			t.Fatal(err)
		}
		if n%2 == 1 {
			spec.Files[0], spec.Files[1] = spec.Files[1], spec.Files[0]
		}
		img, err := New(spec)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, "image.tar")
		if err := WriteArchive(file, img, "localhost/a/b:v1.2.3", "localhost/a/b:local"); err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = content
		}
		if !bytes.Equal(first, content) {
			t.Fatalf("archive %d differs from the first", n+1)
		}
	}
}

func TestSameSourceGivesTheSameProgramWhereverItIs(t *testing.T) {
	flags := []string{"-trimpath", "-buildvcs=false", "-ldflags=-s -w"}
	var contents [2][]byte
	for i := range contents {
		content, err := os.ReadFile(program(t, "amd64", flags...))
		if err != nil {
			t.Fatal(err)
		}
		contents[i] = content
	}
	if !bytes.Equal(contents[0], contents[1]) {
		t.Error("the two programs differ")
	}
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	dockerfile, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"Makefile": string(makefile), "Dockerfile": string(dockerfile)} {
		if !strings.Contains(text, "-trimpath -buildvcs=false -ldflags") {
			t.Errorf("%s builds with other flags", name)
		}
	}
}

func TestLayoutCanBeReadBack(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "layout")
	want := controller(t, "arm64")
	if err := WriteLayout(dir, want); err != nil {
		t.Fatal(err)
	}
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(index); err != nil {
		t.Error(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	digest, err := want.Digest()
	if err != nil {
		t.Fatal(err)
	}
	if got := manifest.Manifests[0]; got.Digest != digest || got.Platform.String() != "linux/arm64" {
		t.Errorf("the layout names %s for %s, want %s", got.Digest, got.Platform, digest)
	}
}

func TestRootHoldsTheImagesFiles(t *testing.T) {
	spec, err := Controller(program(t, "amd64"), "", "amd64", "v1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := WriteRoot(dir, spec.Files); err != nil {
		t.Fatal(err)
	}
	for _, file := range spec.Files {
		info, err := os.Stat(filepath.Join(dir, file.Path))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != file.Mode {
			t.Errorf("%s has mode %s, want %s", file.Path, info.Mode(), file.Mode)
		}
	}
}

func TestCertificatesAreAuthoritiesAndHoldTheVendors(t *testing.T) {
	content, err := Certificates()
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		names[certificate.Subject.String()] = true
	}
	// aliyuncs.com has its certificates from GlobalSign.
	if !names["CN=GlobalSign,OU=GlobalSign Root CA - R3,O=GlobalSign"] || len(names) < 80 {
		t.Errorf("%d authorities: %v", len(names), names)
	}
}

func TestProgramThatCannotStartIsRefused(t *testing.T) {
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no shell to take for a dynamic program")
	}
	if _, err := Program("/sh", shell, runtime.GOARCH); !errors.Is(err, errDynamic) {
		t.Errorf("dynamic program: %v", err)
	}
	if _, err := Program("/p", program(t, "arm64"), "amd64"); err == nil || !strings.Contains(err.Error(), "EM_AARCH64") {
		t.Errorf("program for another architecture: %v", err)
	}
	if _, err := Program("/p", shell, "riscv64"); !errors.Is(err, errUnknownArchitecture) {
		t.Errorf("unknown architecture: %v", err)
	}
}

func TestFilesHaveOneCleanPlaceEach(t *testing.T) {
	for _, test := range []struct {
		files []File
		want  error
	}{
		{[]File{{Path: "relative"}}, errPath},
		{[]File{{Path: "/a/../b"}}, errPath},
		{[]File{{Path: "/"}}, errPath},
		{[]File{{Path: "/a"}, {Path: "/b"}, {Path: "/a"}}, errTwice},
	} {
		if _, err := New(Spec{Files: test.files, Architecture: "amd64"}); !errors.Is(err, test.want) {
			t.Errorf("%v: %v, want %v", test.files, err, test.want)
		}
	}
}
