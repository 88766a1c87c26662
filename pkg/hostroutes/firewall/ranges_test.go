package firewall

import (
	"fmt"
	"net/netip"
	"testing"
)

// text is spans for a reader.
func text(all []span) string {
	texts := make([]string, len(all))
	for i, s := range all {
		texts[i] = fmt.Sprintf("{%s %s}", s.first, s.next)
	}
	return fmt.Sprint(texts)
}

func TestSpansNeitherOverlapNorTouch(t *testing.T) {
	for _, c := range []struct{ prefixes, want string }{
		{"", "[]"},
		{"10.2.0.0/16", "[{10.2.0.0 10.3.0.0}]"},
		{"10.2.0.0/16 10.2.3.0/24", "[{10.2.0.0 10.3.0.0}]"},
		{"10.3.0.0/24 10.2.0.0/16", "[{10.2.0.0 10.3.1.0}]"},
		{"10.2.0.0/16 10.2.0.0/16 100.64.0.0/10", "[{10.2.0.0 10.3.0.0} {100.64.0.0 100.128.0.0}]"},
		{"240.0.0.0/4 255.0.0.0/8", "[{240.0.0.0 invalid IP}]"},
		{"fd02::/48", "[]"},
	} {
		var prefixes []netip.Prefix
		for rest := c.prefixes; rest != ""; {
			var one string
			_, _ = fmt.Sscan(rest, &one)
			rest = rest[min(len(rest), len(one)+1):]
			prefixes = append(prefixes, netip.MustParsePrefix(one))
		}
		if got := text(spans(prefixes, false)); got != c.want {
			t.Errorf("%s: %s, want %s", c.prefixes, got, c.want)
		}
	}
	if got := text(spans([]netip.Prefix{netip.MustParsePrefix("fd02::/48")}, true)); got != "[{fd02:: fd02:0:1::}]" {
		t.Errorf("IPv6: %s", got)
	}
}
