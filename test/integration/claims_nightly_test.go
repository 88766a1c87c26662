//go:build nightly

package integration

import "testing"

// A disk that is gone before its controller knows is proven gone for a minute.
func TestCase30ADiskIsGrownAndDeletedThoughKilledElsewhere(t *testing.T) {
	killAtGrowthAndDeletion(t, []death{{"DescribeDisks", false}, {"DescribeDisks", true}}, []death{{"DescribeDisks", false}, {"DeleteDisk", true}})
}
