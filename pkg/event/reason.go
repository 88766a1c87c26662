// Package event holds the reason of every event that this project records, each
// with its documentation, and a recorder that does not repeat itself.
package event

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Type says how serious an event is.
type Type string

// The types of events.
const (
	Normal  = Type(corev1.EventTypeNormal)
	Warning = Type(corev1.EventTypeWarning)
)

// Reason is one kind of event. Reasons are made once, by package variables of
// this package, so that the reference page lists all.
type Reason struct {
	// Name is the reason as it stands in the event, in PascalCase.
	Name string
	Type Type
	// Doc and DocZH say in a sentence what happened and what to do.
	Doc   string
	DocZH string
}

var reasons = map[string]*Reason{}

// register adds a reason to the list.
func register(r Reason) *Reason {
	if _, exists := reasons[r.Name]; exists {
		panic(fmt.Sprintf("event reason %q is registered twice", r.Name))
	}
	reasons[r.Name] = &r
	return &r
}

// All returns every reason, sorted by name.
func All() []Reason {
	all := make([]Reason, 0, len(reasons))
	for _, r := range reasons {
		all = append(all, *r)
	}
	slices.SortFunc(all, func(a, b Reason) int { return strings.Compare(a.Name, b.Name) })
	return all
}
