package annotation

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/kube-aliyun/kube-aliyun/pkg/config"
)

// CheckPolicy returns a problem for each rule of a policy that names no
// annotation, or that cannot be read.
func CheckPolicy(policy config.AnnotationPolicy) error {
	var problems []error
	for i, rule := range policy {
		if len(rule.Namespaces) == 0 {
			problems = append(problems, fmt.Errorf("annotation-policy: rule %d names no namespaces", i+1))
		}
		for _, scope := range rule.Scopes {
			if !slices.Contains([]Scope{Tenant, Shared, Cost}, Scope(scope)) {
				problems = append(problems, fmt.Errorf("annotation-policy: rule %d: scope %q is none of tenant, shared and cost", i+1, scope))
			}
		}
		for key := range rule.Allow {
			if _, known := byKey[Key(key)]; known {
				continue
			}
			text := fmt.Sprintf("annotation-policy: rule %d: there is no annotation %q", i+1, key)
			if near := nearest(key); near != "" {
				text += fmt.Sprintf("; did you mean %s?", near)
			}
			problems = append(problems, errors.New(text))
		}
		for _, pattern := range rule.Patterns() {
			if _, err := path.Match(pattern, ""); err != nil {
				problems = append(problems, fmt.Errorf("annotation-policy: rule %d: %q: %w", i+1, pattern, err))
			}
		}
	}
	return errors.Join(problems...)
}

// Refused returns a sentence for each setting of a Service that the policy does
// not allow its namespace. A nil policy allows all.
func (s Settings) Refused(policy config.AnnotationPolicy, namespace string) []string {
	if policy == nil {
		return nil
	}
	var out []string
	for _, entry := range registry {
		value, given := s[entry.Key]
		if !given || entry.Scope == Tenant {
			continue
		}
		for _, atom := range entry.atoms(value) {
			if !allowed(policy, namespace, entry, atom) {
				out = append(out, fmt.Sprintf("annotation %s: %q is not allowed in namespace %s (a setting of scope %s); remove it, or ask the cluster's administrators to allow it in annotation-policy",
					entry.Keys()[0], atom, namespace, entry.Scope))
			}
		}
	}
	return out
}

// allowed reports whether any rule of a policy allows a setting's value.
func allowed(policy config.AnnotationPolicy, namespace string, entry Entry, value string) bool {
	for _, rule := range policy {
		if !matches(rule.Namespaces, namespace) {
			continue
		}
		if slices.Contains(rule.Scopes, string(entry.Scope)) {
			return true
		}
		if patterns, named := rule.Allow[string(entry.Key)]; named && (len(patterns) == 0 || matches(patterns, value)) {
			return true
		}
	}
	return false
}

func matches(patterns []string, text string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		found, err := path.Match(pattern, text)
		return err == nil && found
	})
}

// atoms are the single values that a policy judges: those of each port, each
// item of a list.
func (e Entry) atoms(canonical string) []string {
	values := []string{canonical}
	if ports := e.byPort(canonical); ports != nil {
		values = make([]string, 0, len(ports))
		for _, p := range ports {
			values = append(values, p.value)
		}
	}
	var out []string
	for _, value := range values {
		if e.list() || e.Type == PairList {
			out = append(out, strings.Split(value, comma)...)
		} else {
			out = append(out, value)
		}
	}
	return out
}
