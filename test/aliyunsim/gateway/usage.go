package gateway

import (
	"maps"
	"slices"
	"sync"
)

// Usage is what was and what was not asked of the gateway.
type Usage struct {
	// NeverCalled lists the actions that no authenticated request reached.
	NeverCalled []string `json:"neverCalled"`
	// UnknownParameters counts parameters that their action does not have.
	UnknownParameters map[string]map[string]int `json:"unknownParameters"`
}

type usage struct {
	mu      sync.Mutex
	actions map[string]bool
	strange map[string]map[string]int
}

func newUsage() *usage {
	return &usage{actions: map[string]bool{}, strange: map[string]map[string]int{}}
}

func (u *usage) know(action string) { u.actions[action] = false }

func (u *usage) called(action string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.actions[action] = true
}

func (u *usage) unknown(action, name string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.strange[action] == nil {
		u.strange[action] = map[string]int{}
	}
	u.strange[action][name]++
}

func (u *usage) report() Usage {
	u.mu.Lock()
	defer u.mu.Unlock()
	r := Usage{NeverCalled: []string{}, UnknownParameters: map[string]map[string]int{}}
	for _, action := range slices.Sorted(maps.Keys(u.actions)) {
		if !u.actions[action] {
			r.NeverCalled = append(r.NeverCalled, action)
		}
	}
	for action, names := range u.strange {
		r.UnknownParameters[action] = maps.Clone(names)
	}
	return r
}
