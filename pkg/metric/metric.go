// Package metric holds every metric of this project in one documented list.
// Metrics are registered with Kubernetes' legacy registry when they are made, so
// they stand beside the framework's own at /metrics.
package metric

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/component-base/metrics"
	"k8s.io/component-base/metrics/legacyregistry"
)

// Kind is the type of a metric.
type Kind string

// The kinds of metrics.
const (
	Counter   Kind = "counter"
	Gauge     Kind = "gauge"
	Histogram Kind = "histogram"
)

// Info documents one metric.
type Info struct {
	// Name is complete; the unit is its suffix, as Prometheus wants it.
	Name string
	Kind Kind
	// Help and HelpZH say in a sentence what is measured.
	Help   string
	HelpZH string
	Labels []string
}

var infos = map[string]Info{}

// All returns every metric, sorted by name.
func All() []Info {
	all := make([]Info, 0, len(infos))
	for _, info := range infos {
		all = append(all, info)
	}
	slices.SortFunc(all, func(a, b Info) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// NewCounter makes, documents and registers a counter.
func NewCounter(name, help, helpZH string, labels ...string) *metrics.CounterVec {
	list(Info{Name: name, Kind: Counter, Help: help, HelpZH: helpZH, Labels: labels})
	vec := metrics.NewCounterVec(&metrics.CounterOpts{Name: name, Help: help, StabilityLevel: metrics.ALPHA}, labels)
	legacyregistry.MustRegister(vec)
	return vec
}

// NewGauge makes, documents and registers a gauge.
func NewGauge(name, help, helpZH string, labels ...string) *metrics.GaugeVec {
	list(Info{Name: name, Kind: Gauge, Help: help, HelpZH: helpZH, Labels: labels})
	vec := metrics.NewGaugeVec(&metrics.GaugeOpts{Name: name, Help: help, StabilityLevel: metrics.ALPHA}, labels)
	legacyregistry.MustRegister(vec)
	return vec
}

// NewHistogram makes, documents and registers a histogram. Buckets are upper
// bounds in the metric's unit.
func NewHistogram(name, help, helpZH string, buckets []float64, labels ...string) *metrics.HistogramVec {
	list(Info{Name: name, Kind: Histogram, Help: help, HelpZH: helpZH, Labels: labels})
	vec := metrics.NewHistogramVec(&metrics.HistogramOpts{
		Name: name, Help: help, Buckets: buckets, StabilityLevel: metrics.ALPHA,
	}, labels)
	legacyregistry.MustRegister(vec)
	return vec
}

func list(info Info) {
	if _, exists := infos[info.Name]; exists {
		panic(fmt.Sprintf("metric %q is made twice", info.Name))
	}
	infos[info.Name] = info
}
