package balance

import (
	"net/netip"
	"sync"
	"time"

	"k8s.io/klog/v2"

	"github.com/kube-aliyun/kube-aliyun/test/sandbox"
)

// dialTimeout bounds how long a proxy tries to reach a backend.
const dialTimeout = 5 * time.Second

// proxy is what all kinds of them have.
type proxy struct {
	namespace *sandbox.Namespace
	// source is what backends see as the client.
	source   netip.Addr
	frontend netip.AddrPort
	pool     *pool
	// running counts the goroutines of the router.
	running *sync.WaitGroup
	// ended is closed when the router's goroutines have to end.
	ended <-chan struct{}
	log   klog.Logger
}
