// Package hostroutes tests the program hostroutes as it is shipped: with the rights
// of its manifest, on a server that is a network namespace, against a real API
// server.
package hostroutes

import (
	"testing"

	"github.com/kube-aliyun/kube-aliyun/test/cluster"
)

func TestMain(m *testing.M) {
	// Nobody allocates ranges: the Nodes are the tests'.
	cluster.MainWith(m, cluster.Options{})
}
