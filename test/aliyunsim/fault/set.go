package fault

import (
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// Set is the rules in force. It is safe for concurrent use.
type Set struct {
	mu    sync.Mutex
	rand  *rand.Rand
	next  int
	rules []*entry
}

type entry struct {
	rule Rule
	seen int
	hits int
}

// NewSet makes an empty set that draws its chances from r.
func NewSet(r *rand.Rand) *Set {
	return &Set{rand: r}
}

// Add puts a rule in force behind the others and returns its id.
func (s *Set) Add(rule Rule) (int, error) {
	if err := rule.Validate(); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next++
	rule.ID = s.next
	s.rules = append(s.rules, &entry{rule: rule})
	return rule.ID, nil
}

// Remove ends a rule; false when it is not in force (any more).
func (s *Set) Remove(id int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := len(s.rules)
	s.rules = slices.DeleteFunc(s.rules, func(e *entry) bool { return e.rule.ID == id })
	return len(s.rules) < before
}

// Clear ends every rule.
func (s *Set) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules = nil
}

// Rules lists the rules in force; Count is what is left of it.
func (s *Set) Rules() []Rule {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Rule, 0, len(s.rules))
	for _, e := range s.rules {
		rule := e.rule
		rule.Skip = max(rule.Skip-e.seen, 0)
		if rule.Count > 0 {
			rule.Count -= e.hits
		}
		out = append(out, rule)
	}
	return out
}

// Pick returns the rules that hit this request, in the order in which they were
// added, and counts them. At most one, the last, answers in the product's place.
func (s *Set) Pick(product api.Product, action string, mutating bool) []Rule {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Rule
	spent := false
	for _, e := range s.rules {
		if !e.rule.matches(product, action, mutating) {
			continue
		}
		if e.seen++; e.seen <= e.rule.Skip {
			continue
		}
		if p := e.rule.Probability; p > 0 && p < 1 && s.rand.Float64() >= p {
			continue
		}
		e.hits++
		spent = spent || e.hits == e.rule.Count
		out = append(out, e.rule)
		if e.rule.Kind.Instead() {
			break
		}
	}
	if spent {
		s.rules = slices.DeleteFunc(s.rules, func(e *entry) bool { return e.rule.Count > 0 && e.hits >= e.rule.Count })
	}
	return out
}
