package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// stateFile records a control plane in its folder.
const stateFile = "state.json"

// ErrNotRunning says that a folder holds no control plane.
var ErrNotRunning = errors.New("no control plane is recorded in this folder")

// state is what a later process must know of a control plane.
type state struct {
	Detached bool `json:"detached"`
	// Owner is the process that started the control plane.
	Owner processID `json:"owner"`
	// Namespace is the path of the programs' network namespace, if they have
	// one, and Relay the host and port on loopback that leads to the API server
	// in it.
	Namespace string `json:"namespace,omitempty"`
	Relay     string `json:"relay,omitempty"`
	// Components are in the order of their start.
	Components []component `json:"components"`
}

// component is one program of the control plane, with all that is needed to
// start it again.
type component struct {
	Name   string   `json:"name"`
	Binary string   `json:"binary"`
	Args   []string `json:"args"`
	// Env is added to the environment.
	Env []string `json:"env,omitempty"`
	Log string   `json:"log"`
	// Address is the host and port on which it serves HTTPS.
	Address string `json:"address"`
	// ReadyPath answers 200 once it is ready.
	ReadyPath string `json:"readyPath"`
	PID       int    `json:"pid"`
}

// save replaces the record in one step: a reader sees the old or the new one.
func (s state) save(dir string) error {
	content, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding the control plane's record: %w", err)
	}
	path := filepath.Join(dir, stateFile)
	if err := os.WriteFile(path+".new", content, 0o600); err != nil {
		return fmt.Errorf("writing the control plane's record: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("writing the control plane's record: %w", err)
	}
	return nil
}

// loadState reads the record; ErrNotRunning when there is none.
func loadState(dir string) (state, error) {
	var s state
	content, err := os.ReadFile(filepath.Join(dir, stateFile))
	if errors.Is(err, fs.ErrNotExist) {
		return s, fmt.Errorf("%s: %w", dir, ErrNotRunning)
	}
	if err != nil {
		return s, fmt.Errorf("reading the control plane's record: %w", err)
	}
	if err := json.Unmarshal(content, &s); err != nil {
		return s, fmt.Errorf("reading the control plane's record: %w", err)
	}
	return s, nil
}
