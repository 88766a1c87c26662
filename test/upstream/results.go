package upstream

import (
	_ "embed"
	"encoding/xml"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
)

//go:embed skip.txt
var skipList string

// label is in the name of every spec that counts, and specs how many have it in
// Kubernetes v1.37.2: a suite that runs none of them passes as well.
const (
	label = "[Feature:LoadBalancer]"
	specs = 17
)

var (
	errSkipLine  = errors.New("the skip list's line is not a part of a name, a bar and a reason")
	errSkipStale = errors.New("the skip list names no spec, or more than one")
	errSpecs     = errors.New("the number of specs has changed")
)

// skipped is a line of the skip list.
type skipped struct{ name, reason string }

func parseSkipList(content string) ([]skipped, error) {
	var list []skipped
	for line := range strings.Lines(content) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, reason, two := strings.Cut(line, "|")
		entry := skipped{name: strings.TrimSpace(name), reason: strings.TrimSpace(reason)}
		if !two || entry.name == "" || entry.reason == "" {
			return nil, fmt.Errorf("%w: %q", errSkipLine, line)
		}
		list = append(list, entry)
	}
	return list, nil
}

// result is what became of a spec.
type result struct {
	Name    string  `xml:"name,attr"`
	Status  string  `xml:"status,attr"`
	Seconds float64 `xml:"time,attr"`
}

// readResults reads the specs that count out of a JUnit report.
func readResults(path string) ([]result, error) {
	content, err := os.ReadFile(path) // #nosec G304 -- the suite's own report
	if err != nil {
		return nil, fmt.Errorf("report of the suite: %w", err)
	}
	var report struct {
		Suites []struct {
			Cases []result `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal(content, &report); err != nil {
		return nil, fmt.Errorf("report of the suite: %w", err)
	}
	var found []result
	for _, suite := range report.Suites {
		for _, spec := range suite.Cases {
			if strings.Contains(spec.Name, label) {
				found = append(found, spec)
			}
		}
	}
	return found, nil
}

// judge compares results with what is to be: every spec that is not in the skip
// list, and in focus, passed. It returns a line per problem.
func judge(results []result, list []skipped, focus *regexp.Regexp) []error {
	var problems []error
	if len(results) != specs {
		problems = append(problems, fmt.Errorf("%w: %d, not %d", errSpecs, len(results), specs))
	}
	named := make([]int, len(list))
	for _, spec := range results {
		skip := false
		for i, entry := range list {
			if strings.Contains(spec.Name, entry.name) {
				skip, named[i] = true, named[i]+1
			}
		}
		if !skip && focus.MatchString(spec.Name) && spec.Status != "passed" {
			problems = append(problems, &failedError{spec})
		}
	}
	for i, entry := range list {
		if named[i] != 1 {
			problems = append(problems, fmt.Errorf("%w: %q", errSkipStale, entry.name))
		}
	}
	return problems
}

// failedError is a spec that did not pass.
type failedError struct{ spec result }

func (e *failedError) Error() string { return e.spec.Status + ": " + e.spec.Name }
