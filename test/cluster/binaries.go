package cluster

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// AssetsVariable names the environment variable that holds the folder of the
// control plane's programs, by the convention of envtest.
const AssetsVariable = "KUBEBUILDER_ASSETS"

// modulePath marks the root of this repository.
const modulePath = "github.com/kube-aliyun/kube-aliyun"

// ErrNoBinaries says that programs of the control plane are missing.
var ErrNoBinaries = errors.New("the control plane's programs are missing; run 'make kubernetes', or name their folder in " + AssetsVariable)

// findBinaries returns the folder in which the programs should be.
func findBinaries() (string, error) {
	if folder := os.Getenv(AssetsVariable); folder != "" {
		return folder, nil
	}
	here, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("finding the repository: %w", err)
	}
	root, err := repositoryRoot(here)
	if err != nil {
		return "", err
	}
	return filepath.Join(root, "bin", "kubernetes"), nil
}

// repositoryRoot walks up from a folder to the one whose go.mod is this module's.
func repositoryRoot(from string) (string, error) {
	for folder := from; ; folder = filepath.Dir(folder) {
		content, err := os.ReadFile(filepath.Join(folder, "go.mod"))
		if err == nil {
			first, _, _ := strings.Cut(string(content), "\n")
			if strings.TrimSpace(first) == "module "+modulePath {
				return folder, nil
			}
		}
		if folder == filepath.Dir(folder) {
			return "", fmt.Errorf("%s is not inside the repository of %s: %w", from, modulePath, ErrNoBinaries)
		}
	}
}

// checkBinaries reports every program that is not in the folder.
func checkBinaries(folder string, programs []string) error {
	var missing []string
	for _, program := range programs {
		info, err := os.Stat(filepath.Join(folder, program))
		if err != nil || info.IsDir() || info.Mode()&0o111 == 0 {
			missing = append(missing, program)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("looking for %s in %s: %w", strings.Join(missing, ", "), folder, ErrNoBinaries)
	}
	return nil
}
