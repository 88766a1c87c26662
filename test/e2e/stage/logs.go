package stage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Logs are the files that tell what happened, as long as the stage is there.
func (s *Stage) Logs() []string {
	var found []string
	_ = filepath.WalkDir(s.sandbox.Dir(), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() && strings.HasSuffix(path, ".log") {
			found = append(found, path)
		}
		return nil // what goes meanwhile tells nothing
	})
	return found
}

// keepLogs copies the logs to where the options say.
func (s *Stage) keepLogs() error {
	if s.options.Logs == "" {
		return nil
	}
	var problems []error
	for _, path := range s.Logs() {
		relative, err := filepath.Rel(s.sandbox.Dir(), path)
		if err != nil {
			return fmt.Errorf("keeping logs: %w", err)
		}
		content, err := os.ReadFile(path) // #nosec G304 -- the stage's own
		target := filepath.Join(s.options.Logs, strings.ReplaceAll(relative, string(filepath.Separator), "_"))
		problems = append(problems, err, os.MkdirAll(s.options.Logs, 0o750), os.WriteFile(target, content, 0o600))
	}
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("keeping logs: %w", err)
	}
	return nil
}
