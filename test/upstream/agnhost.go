package upstream

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/kube-aliyun/kube-aliyun/deploy/image"
)

// agnhostName is the image that the specs name: all their Pods are made of it.
const agnhostName = "registry.k8s.io/e2e-test-images/agnhost:2.66.1"

// errNoProgram is told with the Debian package that has it.
var errNoProgram = errors.New("this machine lacks a program that the specs run in Pods")

// commands are what the specs run in Pods beside agnhost, with the names that they
// have there and the Debian packages that they are from.
var commands = []struct{ path, program, debian string }{
	{"/bin/sh", "dash", "dash"},
	{"/bin/seq", "seq", "coreutils"},
	{"/bin/curl", "curl", "curl"},
	{"/bin/nc", "nc.openbsd", "netcat-openbsd"},
	{"/bin/wget", "wget", "wget"},
}

// askOnce keeps GNU's wget from asking twenty times; that of agnhost's own image
// asks once.
var askOnce = image.File{Path: "/etc/wgetrc", Mode: 0o644, Content: []byte("tries = 1\n")}

// agnhostArchive makes a docker-archive of agnhost, a static program, and of the
// commands, which are this machine's with the libraries that they load.
func agnhostArchive(ctx context.Context, dir, binary string) (string, error) {
	agnhost, err := image.Program("/agnhost", binary, runtime.GOARCH)
	if err != nil {
		return "", fmt.Errorf("image of agnhost: %w", err)
	}
	files := []image.File{agnhost, {Path: "/tmp/.keep", Mode: 0o644}, askOnce}
	for _, command := range commands {
		source, err := exec.LookPath(command.program)
		if err != nil {
			return "", fmt.Errorf("%w: %s of the package %s: %w", errNoProgram, command.program, command.debian, err)
		}
		files = append(files, image.File{Path: command.path, Mode: 0o755, Source: source})
		needed, err := libraries(ctx, source)
		if err != nil {
			return "", err
		}
		for _, library := range needed {
			if !slices.ContainsFunc(files, func(f image.File) bool { return f.Path == library }) {
				files = append(files, image.File{Path: library, Mode: 0o755, Source: library})
			}
		}
	}
	img, err := image.New(image.Spec{
		Files: files, Entrypoint: []string{"/agnhost"}, Env: []string{"PATH=/bin"}, Architecture: runtime.GOARCH,
	})
	if err != nil {
		return "", fmt.Errorf("image of agnhost: %w", err)
	}
	archive := filepath.Join(dir, "agnhost.tar")
	if err := image.WriteArchive(archive, img, agnhostName); err != nil {
		return "", fmt.Errorf("image of agnhost: %w", err)
	}
	return archive, nil
}

// loaded is a library, or the loader, in what ldd prints.
var loaded = regexp.MustCompile(`(?:^|=> )(/\S+) \(0x`)

// libraries lists what a program loads, by the names that it loads it with.
func libraries(ctx context.Context, program string) ([]string, error) {
	output, err := exec.CommandContext(ctx, "ldd", program).Output() // #nosec G204 -- a program of commands
	if err != nil {
		return nil, fmt.Errorf("libraries of %s: %w", program, err)
	}
	return parseLibraries(string(output)), nil
}

func parseLibraries(output string) []string {
	var found []string
	for line := range strings.Lines(output) {
		if match := loaded.FindStringSubmatch(strings.TrimSpace(line)); match != nil {
			found = append(found, match[1])
		}
	}
	return found
}
