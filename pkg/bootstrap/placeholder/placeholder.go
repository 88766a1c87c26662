// Package placeholder puts a cluster's values where files have ${NAME}.
package placeholder

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Values are what the names stand for.
type Values map[string]string

var pattern = regexp.MustCompile(`\$\{[^}]*\}`)

var errMissing = errors.New("there is no value for")

// With are the values and more; more wins.
func (v Values) With(more Values) Values {
	all := maps.Clone(v)
	maps.Copy(all, more)
	return all
}

// Fill puts values in for every ${NAME}. The error names all that have none.
func (v Values) Fill(text string) (string, error) {
	var missing []string
	filled := pattern.ReplaceAllStringFunc(text, func(found string) string {
		value, known := v[found[2:len(found)-1]]
		if !known && !slices.Contains(missing, found) {
			missing = append(missing, found)
		}
		return value
	})
	if len(missing) > 0 {
		return "", fmt.Errorf("%w %s", errMissing, strings.Join(missing, ", "))
	}
	return filled, nil
}
