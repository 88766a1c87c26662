package metric

import (
	"regexp"
	"strings"
	"testing"
	"unicode"

	"k8s.io/component-base/metrics/legacyregistry"
)

func TestEveryMetricIsDocumentedAndWellNamed(t *testing.T) {
	name := regexp.MustCompile(`^[a-z][a-z0-9_]+$`)
	all := All()
	if len(all) == 0 {
		t.Fatal("no metrics")
	}
	for _, m := range all {
		if !name.MatchString(m.Name) {
			t.Errorf("metric name %q", m.Name)
		}
		if (m.Kind == Counter) != strings.HasSuffix(m.Name, "_total") {
			t.Errorf("%s: the suffix does not fit a %s", m.Name, m.Kind)
		}
		if !strings.HasSuffix(m.Help, ".") || !strings.HasSuffix(m.HelpZH, "。") ||
			!strings.ContainsFunc(m.HelpZH, func(c rune) bool { return unicode.Is(unicode.Han, c) }) {
			t.Errorf("%s: no sentence in both languages", m.Name)
		}
	}
}

func TestSameMetricTwicePanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("the second metric was accepted")
		}
	}()
	NewCounter(All()[0].Name, "x.", "x。")
}

func TestMetricIsServed(t *testing.T) {
	ServersKnown.WithLabelValues().Set(3)
	families, err := legacyregistry.DefaultGatherer.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == "aliyun_servers_known" {
			if got := family.GetMetric()[0].GetGauge().GetValue(); got != 3 {
				t.Errorf("value = %v", got)
			}
			return
		}
	}
	t.Error("the metric is not gathered")
}
