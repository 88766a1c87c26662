//go:build bench

package scale

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/scale/tally"
)

// figure is one measurement of a subject. Calls have tallies, the others values.
type figure struct {
	calls *tally.Tally
	// each divides the calls: it is the number of Services or nodes they were for.
	each  int
	value float64
	unit  string
	// least: the work was not done when the time was over; value is what was seen.
	least bool
}

func (f figure) number() float64 {
	if f.calls != nil {
		return float64(f.calls.Total()) / float64(max(f.each, 1))
	}
	return f.value
}

func (f figure) String() string {
	prefix := ""
	if f.least {
		prefix = "> "
	}
	if f.calls == nil {
		return prefix + fmt.Sprintf("%.1f %s", f.value, f.unit)
	}
	text := prefix + strings.TrimSuffix(fmt.Sprintf("%.1f", f.number()), ".0")
	if n := tally.Sum(f.calls.Waiting); n > 0 {
		text += fmt.Sprintf(" (+%d waiting)", n)
	}
	if n := tally.Sum(f.calls.Refused); n > 0 {
		text += fmt.Sprintf(" (+%d repeated)", n)
	}
	return text
}

// figures are a subject's, by situation.
type figures map[string]figure

func (f figures) calls(situation string, each int, t tally.Tally) {
	f[situation] = figure{calls: &t, each: each}
}

func (f figures) seconds(situation string, d time.Duration, done bool) {
	f[situation] = figure{value: d.Seconds(), unit: "s", least: !done}
}

// row is a line of a table.
type row struct {
	situation string
	// budget is what the design allows, zero: nothing is promised.
	budget float64
	unit   string
	peer   string
}

// table is one table as Markdown.
func table(title string, rows []row, our, naive figures) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n### %s\n\n| Situation | Budget | aliyun-controller | | naive | naive : ours | Peer |\n| --- | --- | --- | --- | --- | --- | --- |\n", title)
	for _, r := range rows {
		o, measured := our[r.situation]
		if !measured {
			continue
		}
		budget, verdict := "–", ""
		if r.budget >= 0 {
			budget = strings.TrimSpace(fmt.Sprintf("%g %s", r.budget, r.unit))
			if verdict = "met"; o.least || o.number() > r.budget {
				verdict = "**missed**"
			}
		}
		other, ratio := "–", "–"
		if n, ok := naive[r.situation]; ok {
			other = n.String()
			if o.number() > 0 {
				ratio = fmt.Sprintf("%.1f", n.number()/o.number())
			}
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s |\n", r.situation, budget, o, verdict, other, ratio, r.peer)
	}
	return b.String()
}

// detail lists the calls of each situation.
func detail(rows []row, all ...figures) string {
	var b strings.Builder
	names := []string{"aliyun-controller", "naive"}
	for _, r := range rows {
		for i, f := range all {
			if g, ok := f[r.situation]; ok && g.calls != nil {
				fmt.Fprintf(&b, "\n%s, %s\n%s", r.situation, names[i], g.calls)
			}
		}
	}
	return b.String()
}

// publish prints the tables and puts them into bin/bench.md, each under its
// title in place of an older one.
func publish(t *testing.T, title, tables, details string) {
	t.Helper()
	t.Logf("\n## %s\n%s\n%s", title, tables, details)
	dir := repository(t)
	path := filepath.Join(dir, "bin", "bench.md")
	old, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	var kept []string
	for _, section := range strings.Split(string(old), "\n## ")[1:] {
		if !strings.HasPrefix(section, title+"\n") {
			kept = append(kept, strings.TrimRight(section, "\n"))
		}
	}
	kept = append(kept, fmt.Sprintf("%s\n\nMeasured %s.\n%s\n<details><summary>Calls by action</summary>\n\n```\n%s\n```\n\n</details>",
		title, time.Now().UTC().Format("2006-01-02 15:04 UTC"), tables, details))
	text := "# Benchmarks\n\n## " + strings.Join(kept, "\n\n## ") + "\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func repository(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Dir(filepath.Dir(dir))
}
