package config

import (
	"fmt"

	"sigs.k8s.io/yaml"
)

// AnnotationPolicy says which annotations of load balancer Services the
// namespaces may use. Its rules add up; nil allows everything, and settings that
// concern nobody but the Service are always allowed.
type AnnotationPolicy []AnnotationRule

// AnnotationRule allows some namespaces some annotations.
type AnnotationRule struct {
	// Namespaces are names, or patterns with stars.
	Namespaces []string `json:"namespaces"`
	// Scopes are the scopes whose annotations are allowed: shared, cost.
	Scopes []string `json:"scopes,omitempty"`
	// Allow are single annotations, by their suffix, with the values, or patterns
	// with stars, that are allowed; none allows all.
	Allow map[string][]string `json:"allow,omitempty"`
}

// Patterns returns all patterns of the rule.
func (r AnnotationRule) Patterns() []string {
	out := append([]string{}, r.Namespaces...)
	for _, values := range r.Allow {
		out = append(out, values...)
	}
	return out
}

// setAnnotationPolicy reads a policy as YAML or JSON.
func setAnnotationPolicy(c *Config, v string) error {
	policy := AnnotationPolicy{}
	if err := yaml.UnmarshalStrict([]byte(v), &policy); err != nil {
		return fmt.Errorf("is no list of rules with namespaces, scopes and allow: %w", err)
	}
	c.LoadBalancer.AnnotationPolicy = policy
	return nil
}
