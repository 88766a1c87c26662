package fabric

import (
	"net/netip"
	"testing"
)

func TestGatewayIsTheThirdAddressFromTheEnd(t *testing.T) {
	for cidr, want := range map[string]string{"192.168.0.0/20": "192.168.15.253", "10.0.0.0/8": "10.255.255.253", "10.1.2.8/29": "10.1.2.13"} {
		if got := gateway(netip.MustParsePrefix(cidr)); got.String() != want {
			t.Errorf("%s: %s, want %s", cidr, got, want)
		}
	}
}

func TestNumbersAreGivenAgain(t *testing.T) {
	var n numbers
	first, second := n.take(), n.take()
	n.give(first)
	if third := n.take(); third != first || second == first {
		t.Errorf("took %d, %d, then %d", first, second, third)
	}
}

func TestFileNameHoldsNoPath(t *testing.T) {
	if got := fileName("srv", "i-1"); got != "srv-i-1" {
		t.Error(got)
	}
	if got := fileName("srv", "../../i"); got == "srv-../../i" || !plain.MatchString(got) {
		t.Error(got)
	}
}

func TestLinksToTheInternetHaveAddressesOfTheirOwn(t *testing.T) {
	seen := map[netip.Addr]bool{}
	for i := range 300 {
		for _, e := range ends(i) {
			if seen[e.internet.Addr()] || seen[e.router.Addr()] || !e.internet.Contains(e.router.Addr()) {
				t.Fatalf("link %d has %s and %s", i, e.internet, e.router)
			}
			seen[e.internet.Addr()], seen[e.router.Addr()] = true, true
		}
	}
}
