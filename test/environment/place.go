package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// modulePath marks the root of this repository.
const modulePath = "github.com/kube-aliyun/kube-aliyun"

// place is where an environment lives.
type place struct {
	// root is the repository, dir the folder of the environment in it.
	root, dir string
}

var errNotInside = errors.New("run this inside the repository of " + modulePath)

// findPlace walks up from the working directory to the repository's root.
func findPlace() (place, error) {
	here, err := os.Getwd()
	if err != nil {
		return place{}, fmt.Errorf("finding the repository: %w", err)
	}
	// Processes are recognised by paths, so these may not depend on links.
	if here, err = filepath.EvalSymlinks(here); err != nil {
		return place{}, fmt.Errorf("finding the repository: %w", err)
	}
	for root := here; ; root = filepath.Dir(root) {
		content, err := os.ReadFile(filepath.Join(root, "go.mod"))
		if first, _, _ := strings.Cut(string(content), "\n"); err == nil && strings.TrimSpace(first) == "module "+modulePath {
			return place{root: root, dir: filepath.Join(root, ".run")}, nil
		}
		if root == filepath.Dir(root) {
			return place{}, errNotInside
		}
	}
}

func (p place) record() string { return filepath.Join(p.dir, "environment.json") }

func (p place) cluster() string { return filepath.Join(p.dir, "cluster") }

func (p place) seed() string { return filepath.Join(p.dir, "region.yaml") }

// cloudConfig is the controller's file about the cloud.
func (p place) cloudConfig() string { return filepath.Join(p.dir, "cloud.yaml") }

// state is the file in which the holder says what there is, progress the one in
// which it says what it has done, kubeconfig the administrator's.
func (p place) state() string { return filepath.Join(p.dir, "servers.json") }

func (p place) progress() string { return filepath.Join(p.dir, "progress") }

func (p place) kubeconfig() string { return filepath.Join(p.dir, "kubeconfig") }

// addresses is the file in which the simulator says where it listens.
func (p place) addresses() string { return filepath.Join(p.dir, "simulator.json") }

// shell is the file that a person's shell reads to use the environment.
func (p place) shell() string { return filepath.Join(p.dir, "env") }

func (p place) log(program string) string { return filepath.Join(p.dir, "logs", program+".log") }

func (p place) binary(name string) string { return filepath.Join(p.root, "bin", name) }

func (p place) kubernetes() string { return filepath.Join(p.root, "bin", "kubernetes") }

func (p place) kubectl() string { return filepath.Join(p.kubernetes(), "kubectl") }

// repositoryFile is a file of the repository.
func (p place) repositoryFile(elements ...string) string {
	return filepath.Join(append([]string{p.root}, elements...)...)
}

// short is a path as people in the repository's root write it.
func (p place) short(path string) string {
	if relative, err := filepath.Rel(p.root, path); err == nil && !strings.HasPrefix(relative, "..") {
		return relative
	}
	return path
}
