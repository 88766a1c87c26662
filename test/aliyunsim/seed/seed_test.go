package seed_test

import (
	"os"
	"strings"
	"testing"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/region"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/seed"
)

// The reference page's example is a seed that works.
func TestDocumentedSeedWorks(t *testing.T) {
	page, err := os.ReadFile("../../../docs/reference/aliyun-sim.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(page), "```yaml\n")
	text, _, closed := strings.Cut(rest, "```")
	if !found || !closed {
		t.Fatal("the page has no example")
	}
	s, err := seed.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	r := region.New(t.Context(), region.Options{Name: s.Region, Account: s.Account})
	t.Cleanup(r.Close)
	if err := r.Plant(s); err != nil {
		t.Fatal(err)
	}
	r.Do(func(r *region.Region) {
		if len(r.VPC.RoutesTo("i-1")) != 1 || len(r.SLB.IDs()) != 1 {
			t.Error("the route or the load balancer is missing")
		}
	})
}
