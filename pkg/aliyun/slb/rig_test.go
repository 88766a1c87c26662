package slb

import (
	"testing"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/credentials"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/transport"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
)

// newRig starts a region and returns it with a client of it.
func newRig(t *testing.T, options aliyunsim.Options) (*aliyunsim.Sim, *Client) {
	t.Helper()
	sim := aliyunsim.Start(t, options)
	endpoints := map[transport.Product]string{
		transport.Ecs: sim.URL(), transport.Vpc: sim.URL(), transport.Slb: sim.URL(),
	}
	doer, err := transport.New(transport.Options{
		Region: "cn-hangzhou", Credentials: credentials.Static(aliyunsim.TestKey, aliyunsim.TestSecret, ""), Endpoints: endpoints,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(doer.Close)
	return sim, New(doer)
}
