package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/cluster"
	"github.com/kube-aliyun/kube-aliyun/test/process"
)

// record is what later processes must know of an environment.
type record struct {
	Started time.Time `json:"started"`
	// Ready is set when `up` has come to its end.
	Ready bool `json:"ready"`
	Nodes int  `json:"nodes"`
	// Grace is how long a Node may miss its heartbeats.
	Grace         time.Duration `json:"graceNanoseconds"`
	SimulatorURL  string        `json:"simulatorURL,omitempty"`
	ControllerURL string        `json:"controllerURL,omitempty"`
	Kubeconfig    string        `json:"kubeconfig,omitempty"`
	// ControllerArgs are the controller's arguments, besides its kubeconfig.
	ControllerArgs       []string `json:"controllerArgs,omitempty"`
	ControllerKubeconfig string   `json:"controllerKubeconfig,omitempty"`
	// Held is what the holder of real servers tells; nil where they are played.
	Held *held `json:"held,omitempty"`
	// Real is set from the beginning where servers are real.
	Real bool `json:"real,omitempty"`
	// Processes are in the order of their start. Those of the control plane have
	// a record of their own in the control plane's folder.
	Processes []process.Record `json:"processes"`
}

// load reads the record; it reports false when there is none.
func (p place) load() (record, bool, error) {
	var r record
	content, err := os.ReadFile(p.record())
	if errors.Is(err, fs.ErrNotExist) {
		return r, false, nil
	}
	if err != nil {
		return r, false, fmt.Errorf("reading the environment's record: %w", err)
	}
	if err := json.Unmarshal(content, &r); err != nil {
		return r, false, fmt.Errorf("reading the environment's record %s: %w", p.record(), err)
	}
	return r, true, nil
}

// save replaces the record in one step.
func (p place) save(r record) error {
	content, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding the environment's record: %w", err)
	}
	if err := os.WriteFile(p.record()+".new", append(content, '\n'), 0o600); err != nil {
		return fmt.Errorf("writing the environment's record: %w", err)
	}
	if err := os.Rename(p.record()+".new", p.record()); err != nil {
		return fmt.Errorf("writing the environment's record: %w", err)
	}
	return nil
}

// process finds the record of a program.
func (r record) process(name string) (process.Record, bool) {
	i := slices.IndexFunc(r.Processes, func(p process.Record) bool { return p.Name == name })
	if i < 0 {
		return process.Record{}, false
	}
	return r.Processes[i], true
}

// dead names what should run and does not.
func (p place) dead(r record) []string {
	var names []string
	if !r.Ready {
		names = append(names, "the end of its start")
	}
	for _, one := range r.Processes {
		if !one.Alive() {
			names = append(names, one.Name)
		}
	}
	if r.Real {
		return names // the rest ends with its holder
	}
	c, err := cluster.Open(p.cluster())
	if err != nil {
		return append(names, "the control plane")
	}
	for _, one := range c.Processes() {
		if !one.Alive {
			names = append(names, one.Name)
		}
	}
	return names
}
