// Package aliyunsim runs a simulated region of Alibaba Cloud inside a test: the
// RPC OpenAPI of ECS, VPC, SLB and STS, instance metadata and an admin interface
// on one loopback port.
package aliyunsim

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/admin"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/journal"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/ram"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/region"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/seed"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/simclock"
)

// Region is a region as tests touch it in Sim.Do.
type Region = region.Region

// Options are how a test wants its region.
type Options struct {
	// Region is the region's name; the seed's, or cn-hangzhou, when empty.
	Region string
	// Seed is a YAML seed; SmallRegion(3) when empty.
	Seed string
	// Profile is Instant (default), Standard or Published.
	Profile string
	// Lenient counts unknown parameters instead of refusing them.
	Lenient bool
	// Scale is how fast simulated time runs; 0 is 1.
	Scale float64
	// Manual stops simulated time: it moves by Step alone. Latencies and delayed
	// replies then wait for Step too.
	Manual bool
	// Random seeds ids and chances.
	Random uint64
	// State, when not nil, is restored instead of planting the seed.
	State *region.State
	// Observe is told every finished call.
	Observe func(journal.Entry)
}

// TB is what Start needs of testing.TB.
type TB interface {
	Helper()
	Cleanup(f func())
	Fatalf(format string, args ...any)
	Context() context.Context
}

// Start runs a region until the end of the test.
func Start(tb TB, o Options) *Sim {
	tb.Helper()
	if o.Seed == "" {
		o.Seed = SmallRegion(3)
	}
	parsed, err := seed.Parse([]byte(o.Seed))
	if err != nil {
		tb.Fatalf("aliyunsim: %v", err)
	}
	if o.Region == "" {
		o.Region = parsed.Region
	}
	parsed.Region = o.Region
	scale := o.Scale
	switch {
	case o.Manual:
		scale = 0
	case scale == 0:
		scale = 1
	}
	// The region outlives the test's context, which ends before cleanup.
	r := region.New(context.WithoutCancel(tb.Context()), region.Options{
		Name: o.Region, Account: parsed.Account, Clock: simclock.New(scale, time.Time{}),
		Random: o.Random, Lenient: o.Lenient, Observe: o.Observe,
	})
	if o.Profile == "" {
		o.Profile = region.Instant
	}
	if err := prepare(r, o, parsed); err != nil {
		tb.Fatalf("aliyunsim: %v", err)
	}
	s := &Sim{
		Region: r, server: httptest.NewServer(Handler(r, admin.Options{})),
		AccessKeyID: TestKey, AccessKeySecret: TestSecret,
	}
	tb.Cleanup(s.close)
	return s
}

func prepare(r *region.Region, o Options, parsed seed.Seed) error {
	if o.State != nil {
		return r.Restore(*o.State)
	}
	if parsed.Profile == "" {
		parsed.Profile = o.Profile
	}
	return errors.Join(EnsureKey(r), r.Plant(parsed))
}

// EnsureKey adds the key test-key / test-secret, which may do everything. A seed
// that has that key replaces it.
func EnsureKey(r *region.Region) error {
	return r.Identities.PutKey(ram.Key{ID: TestKey, Secret: TestSecret})
}

// endpoint cuts the scheme off a URL.
func endpoint(url string) string {
	_, host, _ := strings.Cut(url, "://")
	return host
}
