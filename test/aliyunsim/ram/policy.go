// Package ram holds who may call the simulator, and what they may do: access
// keys, roles, sessions, and policies.
package ram

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"
)

// ErrPolicy is wrapped by every refusal of a policy document.
var ErrPolicy = errors.New("bad RAM policy")

// Policy is a RAM policy document as the vendor writes it. Conditions are refused:
// the simulator could not honour them. Resources are read as *.
type Policy struct {
	Version   string      `json:"Version"`
	Statement []Statement `json:"Statement"`
}

// Statement allows or denies actions.
type Statement struct {
	Effect   string  `json:"Effect"`
	Action   Strings `json:"Action"`
	Resource Strings `json:"Resource"`
}

// Strings is a string or a list of strings.
type Strings []string

// UnmarshalJSON accepts both forms.
func (s *Strings) UnmarshalJSON(raw []byte) error {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		*s = Strings{one}
		return nil
	}
	var many []string
	if err := json.Unmarshal(raw, &many); err != nil {
		return fmt.Errorf("%w: neither a string nor a list of strings: %s", ErrPolicy, raw)
	}
	*s = many
	return nil
}

// ParsePolicy reads a policy document.
func ParsePolicy(document string) (Policy, error) {
	var p Policy
	dec := json.NewDecoder(strings.NewReader(document))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&p); err != nil {
		return Policy{}, fmt.Errorf("%w: %w", ErrPolicy, err)
	}
	return p, p.Validate()
}

// Validate refuses what the simulator cannot honour.
func (p Policy) Validate() error {
	if len(p.Statement) == 0 {
		return fmt.Errorf("%w: no statement", ErrPolicy)
	}
	for i, s := range p.Statement {
		if s.Effect != "Allow" && s.Effect != "Deny" {
			return fmt.Errorf("%w: statement %d: effect %q is neither Allow nor Deny", ErrPolicy, i+1, s.Effect)
		}
		if len(s.Action) == 0 {
			return fmt.Errorf("%w: statement %d: no action", ErrPolicy, i+1)
		}
		for _, a := range s.Action {
			if _, err := path.Match(a, ""); err != nil || a != "*" && !strings.Contains(a, ":") {
				return fmt.Errorf("%w: statement %d: action %q is not <product>:<Action>", ErrPolicy, i+1, a)
			}
		}
	}
	return nil
}

// Verdict is what policies say about an action.
type Verdict int

// The verdicts: an explicit Deny wins over every Allow; without a statement the
// action is implicitly denied.
const (
	ImplicitDeny Verdict = iota
	Allow
	ExplicitDeny
)

// String names the verdict as AccessDeniedDetail does.
func (v Verdict) String() string {
	switch v {
	case Allow:
		return "Allow"
	case ExplicitDeny:
		return "ExplicitDeny"
	case ImplicitDeny:
		return "ImplicitDeny"
	}
	return "ImplicitDeny"
}

// Evaluate says what the policies together say about an action such as
// "ecs:DescribeInstances". Names are compared without regard to case.
func Evaluate(policies []Policy, action string) Verdict {
	verdict := ImplicitDeny
	action = strings.ToLower(action)
	for _, p := range policies {
		for _, s := range p.Statement {
			if !s.covers(action) {
				continue
			}
			if s.Effect == "Deny" {
				return ExplicitDeny
			}
			verdict = Allow
		}
	}
	return verdict
}

func (s Statement) covers(action string) bool {
	for _, pattern := range s.Action {
		if pattern == "*" {
			return true
		}
		if ok, err := path.Match(strings.ToLower(pattern), action); err == nil && ok {
			return true
		}
	}
	return false
}
