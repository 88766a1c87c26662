package dataplane

import (
	"encoding/json"
	"errors"
	"net/netip"
	"testing"
	"time"

	"k8s.io/klog/v2/ktesting"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/seed"
)

func prefix(t *testing.T, text string) netip.Prefix {
	t.Helper()
	p, err := netip.ParsePrefix(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func address(t *testing.T, text string) netip.Addr {
	t.Helper()
	a, err := netip.ParseAddr(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func text(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func plant(t *testing.T, sim *aliyunsim.Sim, yaml string) {
	t.Helper()
	s, err := seed.Parse([]byte(yaml))
	if err := errors.Join(err, sim.Region.Plant(s)); err != nil {
		t.Fatal(err)
	}
}

func TestFiveServersStartWithinASecondAndATickCostsLittle(t *testing.T) {
	sim := aliyunsim.Start(t, aliyunsim.Options{Seed: aliyunsim.SmallRegion(5)})
	began := time.Now()
	p, err := Start(t.Context(), Options{Source: sim.Region, Metadata: sim.Region.Metadata, OpenAPI: sim.Region.Gateway})
	must(t, err)
	took := time.Since(began)
	t.Logf("up in %v", took)
	if took > time.Second {
		t.Errorf("up in %v", took)
	}
	const ticks = 100
	began = time.Now()
	for range ticks {
		if err := p.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	took = time.Since(began) / ticks
	t.Logf("a tick takes %v", took)
	if took > time.Millisecond {
		t.Errorf("a tick without a change takes %v", took)
	}
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestFailureIsToldOnceAndAgainWhenItComesBack(t *testing.T) {
	log := ktesting.NewLogger(t, ktesting.NewConfig(ktesting.BufferLogs(true)))
	p := &Plane{log: log}
	for _, err := range []error{errEnded, errEnded, nil, errEnded} {
		p.tell(err)
	}
	sink, ok := log.GetSink().(ktesting.Underlier)
	if !ok {
		t.Fatal("nothing is kept of the log")
	}
	if lines := sink.GetBuffer().Data(); len(lines) != 2 {
		t.Errorf("told %d times: %v", len(lines), lines)
	}
}
