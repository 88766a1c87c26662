package aliyunsim

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/admin"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/fault"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/gateway"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/journal"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/metadata"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/region"
)

// Sim is a running region. Its methods are safe for concurrent use.
type Sim struct {
	// Region is the region itself; its products are touched in Do alone.
	Region *region.Region
	// AccessKeyID and AccessKeySecret may do everything.
	AccessKeyID, AccessKeySecret string

	server *httptest.Server
	mu     sync.Mutex
	tls    *httptest.Server
	closed sync.Once
}

func (s *Sim) close() {
	s.closed.Do(func() {
		s.Region.Close()
		s.server.CloseClientConnections()
		s.server.Close()
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.tls != nil {
			s.tls.CloseClientConnections()
			s.tls.Close()
		}
	})
}

// URL is where all products, the metadata service and the admin interface listen.
func (s *Sim) URL() string { return s.server.URL }

// Endpoint is host:port of URL.
func (s *Sim) Endpoint() string { return endpoint(s.server.URL) }

// MetadataURL is the base URL of one server's metadata service.
func (s *Sim) MetadataURL(serverID string) string { return s.server.URL + "/metadata/" + serverID }

// TLS serves the same region over TLS and returns its URL and a client that
// trusts it.
func (s *Sim) TLS() (url string, client *http.Client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tls == nil {
		s.tls = httptest.NewTLSServer(Handler(s.Region, admin.Options{}))
	}
	return s.tls.URL, s.tls.Client()
}

// Do runs f with the region's lock held: no call is answered meanwhile. Inside f,
// use the products; Sim's and Region's own methods would wait for the lock.
func (s *Sim) Do(f func(*Region)) { s.Region.Do(f) }

// Knobs changes settings of the products.
func (s *Sim) Knobs(change func(*api.Knobs)) { s.Region.SetKnobs(change) }

// Gateway changes settings of the gateway: latencies, rate limits, strictness.
func (s *Sim) Gateway(change func(*gateway.Knobs)) { s.Region.Gateway.SetKnobs(change) }

// Metadata changes settings of the metadata service.
func (s *Sim) Metadata(change func(*metadata.Knobs)) { s.Region.SetMetadata(change) }

// Fault puts a rule in force and returns its id. A bad rule panics: it is a
// mistake of the test.
func (s *Sim) Fault(rule fault.Rule) int {
	id, err := s.Region.Faults.Add(rule)
	if err != nil {
		panic(fmt.Sprintf("aliyunsim: %v", err))
	}
	return id
}

// ClearFault ends one rule, ClearFaults all.
func (s *Sim) ClearFault(id int) { s.Region.Faults.Remove(id) }

// ClearFaults ends every rule.
func (s *Sim) ClearFaults() { s.Region.Faults.Clear() }

// Counts are the calls that arrived per action, whatever became of them.
func (s *Sim) Counts() map[string]int { return s.Region.Journal.Calls() }

// CountsByCode are the finished calls per action and outcome: OK, an error code,
// or an outcome of package journal.
func (s *Sim) CountsByCode() map[string]map[string]int { return s.Region.Journal.Codes() }

// ResetCounters sets the counters to zero and empties the journal.
func (s *Sim) ResetCounters() { s.Region.Journal.Reset() }

// Journal returns the latest calls, oldest first.
func (s *Sim) Journal() []journal.Entry { return s.Region.Journal.Since(0) }

// Dump returns the whole state; Options.State takes it.
func (s *Sim) Dump() (region.State, error) { return s.Region.Dump() }

// Now is the simulated time; Step moves it forward.
func (s *Sim) Now() time.Time { return s.Region.Now() }

// Step moves simulated time forward and wakes who waits for it.
func (s *Sim) Step(d time.Duration) { s.Region.Clock.Step(d) }
