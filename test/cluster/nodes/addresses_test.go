package nodes

import (
	"errors"
	"net/netip"
	"testing"
)

func TestFreedAddressIsGivenAgain(t *testing.T) {
	a := addresses{holders: map[netip.Addr]string{}}
	a.hold(netip.MustParseAddr("10.0.0.2"), "ns/seen")
	first, err := a.take("10.0.0.0/30", "ns/new")
	if err != nil {
		t.Fatal(err)
	}
	if first.String() != "10.0.0.3" {
		t.Errorf("got %s, want the first that no Pod holds", first)
	}
	if again, err := a.take("10.0.0.0/30", "ns/new"); err != nil || again != first {
		t.Errorf("the same Pod: got %s, %v, want %s", again, err, first)
	}
	if _, err := a.take("10.0.0.0/30", "ns/third"); !errors.Is(err, errNoAddress) {
		t.Errorf("a full range: got %v, want %v", err, errNoAddress)
	}
	a.free("ns/seen")
	if freed, err := a.take("10.0.0.0/30", "ns/third"); err != nil || freed.String() != "10.0.0.2" {
		t.Errorf("a freed address: got %s, %v", freed, err)
	}
}
