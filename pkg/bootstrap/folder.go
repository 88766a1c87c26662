package bootstrap

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kube-aliyun/kube-aliyun/pkg/bootstrap/token"
)

// Difference is a file that is not as Build has it.
type Difference struct {
	Path string
	// How is "new", "changed", or "not of this cluster file any more".
	How string
}

// Compare tells what Write would change in the operator's folder. User-data of
// servers that are gone is named too; Write leaves it.
func (out *Output) Compare(dir string) ([]Difference, error) {
	var differences []Difference
	for _, path := range slices.Sorted(maps.Keys(out.Files)) {
		content, err := os.ReadFile(filepath.Join(dir, path)) // #nosec G304 -- the operator's own
		switch {
		case errors.Is(err, fs.ErrNotExist):
			differences = append(differences, Difference{path, "new"})
		case err != nil:
			return nil, fmt.Errorf("comparing: %w", err)
		case !bytes.Equal(content, out.Files[path]):
			differences = append(differences, Difference{path, "changed"})
		}
	}
	old, err := filepath.Glob(filepath.Join(dir, "user-data", "*"))
	if err != nil {
		return nil, fmt.Errorf("comparing: %w", err)
	}
	for _, file := range old {
		path, err := filepath.Rel(dir, file)
		if err != nil {
			return nil, fmt.Errorf("comparing: %w", err)
		}
		if out.Files[path] == nil {
			differences = append(differences, Difference{path, "not of this cluster file any more"})
		}
	}
	return differences, nil
}

// Write puts the files into the operator's folder: keys first, since what was made
// once must not be lost when a later file cannot be written. Only the operator may
// read what has keys in it.
func (out *Output) Write(dir string) error {
	paths := slices.SortedFunc(maps.Keys(out.Files), func(one, other string) int {
		key := func(path string) int {
			if strings.HasPrefix(path, keyFolder) {
				return 0
			}
			return 1
		}
		if k := key(one) - key(other); k != 0 {
			return k
		}
		return strings.Compare(one, other)
	})
	for _, path := range paths {
		if err := write(filepath.Join(dir, path), out.Files[path], mode(path)); err != nil {
			return fmt.Errorf("writing %s: %w", path, err)
		}
	}
	return nil
}

func mode(path string) fs.FileMode {
	switch {
	case path == "finish":
		return 0o755
	case strings.HasSuffix(path, ".key"), strings.HasPrefix(path, keyFolder+"/"+token.Prefix), strings.HasPrefix(path, "user-data/"), strings.HasSuffix(path, "kubeconfig"):
		return 0o600
	default:
		return 0o644
	}
}

// write replaces a file as a whole.
func write(path string, content []byte, mode fs.FileMode) error {
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, content) { // #nosec G304 -- the operator's own
		return os.Chmod(path, mode)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	part, err := os.CreateTemp(filepath.Dir(path), ".part")
	if err != nil {
		return err
	}
	_, err = part.Write(content)
	err = errors.Join(err, part.Sync(), part.Close())
	if err == nil {
		err = os.Chmod(part.Name(), mode)
	}
	if err == nil {
		err = os.Rename(part.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(part.Name()))
	}
	return nil
}
