package cluster

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// temporaryPrefix marks the folders of tests' control planes among all
// temporary files.
const temporaryPrefix = "kube-aliyun-cluster-"

var sweepOnce sync.Once

// temporaryDir makes a folder for the control plane of a test. The first call
// removes what crashed test runs have left. (The folder is not the test's own
// temporary one: a later run must be able to recognise it.)
func temporaryDir() (string, error) {
	var swept error
	sweepOnce.Do(func() { swept = sweep(os.TempDir()) })
	dir, err := os.MkdirTemp("", temporaryPrefix)
	if err != nil {
		return "", errors.Join(fmt.Errorf("making a temporary folder: %w", err), swept)
	}
	return dir, swept
}

// removeDir removes a folder, unless folders are to be kept.
func removeDir(dir string) error {
	if os.Getenv(KeepVariable) != "" {
		return nil
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("removing a control plane's folder: %w", err)
	}
	return nil
}

// sweep cleans up and removes the folders of control planes whose owner, a test
// run, has ended without doing so. Detached ones are left alone.
func sweep(parent string) error {
	records, err := filepath.Glob(filepath.Join(parent, temporaryPrefix+"*", stateFile))
	if err != nil {
		return fmt.Errorf("looking for left control planes: %w", err)
	}
	var problems []error
	for _, record := range records {
		dir := filepath.Dir(record)
		old, err := loadState(dir)
		if errors.Is(err, ErrNotRunning) {
			continue
		}
		if err == nil && (old.Detached || old.Owner.alive()) {
			continue
		}
		if err == nil {
			err = Cleanup(dir)
		}
		if err == nil {
			err = removeDir(dir)
		}
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}
