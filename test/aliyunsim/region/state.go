package region

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// stateVersion is the version of saved states.
const stateVersion = 1

// State is a whole region. Faults, journal and counters are not part of it.
type State struct {
	Version    int                             `json:"version"`
	Region     string                          `json:"region"`
	Account    string                          `json:"account"`
	Time       time.Time                       `json:"time"`
	Generation uint64                          `json:"generation"`
	Settings   Settings                        `json:"settings"`
	Products   map[api.Product]json.RawMessage `json:"products"`
}

// Dump returns the whole state, secrets included.
func (r *Region) Dump() (State, error) {
	all, err := r.Settings()
	if err != nil {
		return State{}, err
	}
	s := State{
		Version: stateVersion, Region: r.Name, Account: r.Account,
		Settings: all, Products: map[api.Product]json.RawMessage{},
	}
	return s, r.try(func(now time.Time) error {
		s.Time, s.Generation = now, r.generation
		for _, p := range r.products {
			raw, err := p.Dump()
			if err != nil {
				return err
			}
			s.Products[p.name] = raw
		}
		return nil
	})
}

// Public returns the state without keys, secrets and tokens.
func (r *Region) Public() (State, error) {
	s, err := r.Dump()
	delete(s.Products, api.STS)
	return s, err
}

// ErrState is wrapped by the refusal of a saved state.
var ErrState = errors.New("bad saved state")

// Restore replaces everything by a saved state.
func (r *Region) Restore(s State) error {
	if s.Version != stateVersion || s.Region != r.Name || s.Account != r.Account {
		return fmt.Errorf("%w: it is of version %d, region %s, account %s; wanted are %d, %s, %s",
			ErrState, s.Version, s.Region, s.Account, stateVersion, r.Name, r.Account)
	}
	if err := r.Configure(s.Settings); err != nil {
		return fmt.Errorf("%w: %w", ErrState, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.products {
		raw, ok := s.Products[p.name]
		if !ok {
			return fmt.Errorf("%w: product %s is missing", ErrState, p.name)
		}
		if err := p.Restore(raw); err != nil {
			return fmt.Errorf("%w: %w", ErrState, err)
		}
	}
	// Ids are drawn anew, or the same ones would come again.
	r.generation = s.Generation + 1
	for purpose, source := range r.sources {
		source.Seed(r.random, salt(purpose)+r.generation)
	}
	clear(r.sessions)
	if ahead := s.Time.Sub(r.Clock.Now()); ahead > 0 {
		r.Clock.Step(ahead)
	}
	r.advance()
	return nil
}

// Save writes the state to a file that only its owner can read.
func (r *Region) Save(path string) error {
	s, err := r.Dump()
	if err != nil {
		return err
	}
	raw, err := json.MarshalIndent(s, "", " ")
	if err != nil {
		return fmt.Errorf("encode state: %w", err)
	}
	temporary, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("save state: %w", err)
	}
	_, err = temporary.Write(raw)
	err = errors.Join(err, temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("save state: %w", err), os.Remove(temporary.Name()))
	}
	return nil
}

// ReadState reads a saved state. It reports false when there is no file.
func ReadState(path string) (State, bool, error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return State{}, false, nil
	}
	if err != nil {
		return State{}, false, fmt.Errorf("load state: %w", err)
	}
	var s State
	if err := json.Unmarshal(raw, &s); err != nil {
		return State{}, false, fmt.Errorf("%w: %s: %w", ErrState, path, err)
	}
	return s, true, nil
}
