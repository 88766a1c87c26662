package upstream

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
)

func TestSkipListCanBeRead(t *testing.T) {
	if _, err := parseSkipList(skipList); err != nil {
		t.Error(err)
	}
}

func TestSkipLineWithoutReasonIsRefused(t *testing.T) {
	for _, line := range []string{"a spec", "a spec |", "| a reason"} {
		if _, err := parseSkipList(line); !errors.Is(err, errSkipLine) {
			t.Errorf("%q: %v", line, err)
		}
	}
}

func TestOnlyLoadBalancerSpecsAreRead(t *testing.T) {
	report := filepath.Join(t.TempDir(), "junit.xml")
	content := `<?xml version="1.0"?><testsuites><testsuite>
<testcase name="[It] [sig-apps] other" status="passed" time="1"></testcase>
<testcase name="[It] one [Feature:LoadBalancer]" status="failed" time="2.5"><failure>why</failure></testcase>
</testsuite></testsuites>`
	if err := os.WriteFile(report, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	results, err := readResults(report)
	if err != nil {
		t.Fatal(err)
	}
	want := result{Name: "[It] one [Feature:LoadBalancer]", Status: "failed", Seconds: 2.5}
	if len(results) != 1 || results[0] != want {
		t.Errorf("got %v, want %v", results, want)
	}
}

func TestResultIsOfTheLaneThatRanTheSpec(t *testing.T) {
	ran, skipped := result{Name: "a", Status: "failed"}, result{Name: "a", Status: "skipped"}
	for _, reports := range [][][]result{{{ran}, {skipped}}, {{skipped}, {ran}}} {
		if got := merge(reports); len(got) != 1 || got[0] != ran {
			t.Errorf("of %v: %v", reports, got)
		}
	}
}

func TestEverySpecIsInOneLane(t *testing.T) {
	list := []skipped{{name: "left out"}}
	divided := lanes(list, regexp.MustCompile(""))
	rest := divided[len(divided)-1]
	if len(divided) != len(long)+1 || len(rest.skip) != len(long)+2 || rest.skip[0] != direct || rest.skip[1] != "left out" || rest.focus != "" {
		t.Errorf("got %+v", divided)
	}
	if focused := lanes(list, regexp.MustCompile("=Local$")); len(focused) != 2 || focused[1].focus != "=Local$" {
		t.Errorf("in focus: %+v", focused)
	}
}

// passed makes as many results as there are specs.
func passed() []result {
	results := make([]result, specs)
	for i := range results {
		results[i] = result{Name: "spec " + strconv.Itoa(i) + "." + label, Status: "passed"}
	}
	return results
}

func TestJudgement(t *testing.T) {
	tests := map[string]struct {
		change func(results []result) []result
		list   []skipped
		focus  string
		want   error
		failed bool
	}{
		"all passed":               {},
		"one failed":               {change: func(r []result) []result { r[3].Status = "failed"; return r }, failed: true},
		"one was not run":          {change: func(r []result) []result { r[3].Status = "skipped"; return r }, failed: true},
		"one in the list failed":   {change: func(r []result) []result { r[3].Status = "skipped"; return r }, list: []skipped{{name: "spec 3."}}},
		"one out of focus":         {change: func(r []result) []result { r[3].Status = "skipped"; return r }, focus: "spec 4"},
		"none was run":             {change: func([]result) []result { return nil }, want: errSpecs},
		"the list names what left": {list: []skipped{{name: "spec 99."}}, want: errSkipStale},
		"the list names two":       {list: []skipped{{name: "spec 1"}}, want: errSkipStale},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			results := passed()
			if test.change != nil {
				results = test.change(results)
			}
			err := errors.Join(judge(results, test.list, regexp.MustCompile(test.focus))...)
			var failed *failedError
			if (test.want != nil && !errors.Is(err, test.want)) || errors.As(err, &failed) != test.failed || (err != nil) != (test.failed || test.want != nil) {
				t.Errorf("got %v, want %v, failed %t", err, test.want, test.failed)
			}
		})
	}
}
