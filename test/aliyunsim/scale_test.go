package aliyunsim

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/region"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/signature"
)

// largeRegion is a seed of servers, routes over 10 tables, and load balancers
// with 50 listeners and 200 backends each.
func largeRegion(servers, routes, balancers int) string {
	var b strings.Builder
	b.WriteString(SmallRegion(0))
	b.WriteString("servers:\n")
	for i := range servers {
		vSwitch := SmallVSwitchH
		if i >= 4000 {
			vSwitch = SmallVSwitchI
		}
		fmt.Fprintf(&b, "- {id: i-%d, vSwitch: %s, privateIP: 192.168.%d.%d}\n", i, vSwitch, i/250, i%250+1)
	}
	b.WriteString("routes:\n")
	for i := range routes {
		fmt.Fprintf(&b, "- {table: vtb-%d, destination: 172.%d.%d.0/24, nextHop: i-%d}\n", i%10, 16+i/256, i%256, i%servers)
	}
	text := strings.Replace(b.String(), "vSwitches:\n", tables()+"vSwitches:\n", 1)
	b.Reset()
	b.WriteString(text)
	b.WriteString("loadBalancers:\n")
	for i := range balancers {
		fmt.Fprintf(&b, "- id: lb-%d\n  name: lb-%d\n  backends: [", i, i)
		for k := range 200 {
			fmt.Fprintf(&b, "{server: i-%d},", (i+k)%servers)
		}
		b.WriteString("]\n  listeners: [")
		for k := range 50 {
			fmt.Fprintf(&b, "{port: %d, protocol: tcp, backendPort: %d},", 1000+k, 30000+k)
		}
		b.WriteString("]\n")
	}
	return b.String()
}

func tables() string {
	var b strings.Builder
	for i := range 10 {
		fmt.Fprintf(&b, "- {id: vtb-%d, vpc: %s, type: Custom}\n", i, SmallVPC)
	}
	return b.String()
}

var nonce atomic.Int64

// caller sends signed requests as fast as it can.
type caller struct {
	client *http.Client
	url    string
}

func newCaller(tb testing.TB, s *Sim) *caller {
	tb.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	tb.Cleanup(transport.CloseIdleConnections)
	return &caller{client: &http.Client{Transport: transport}, url: s.URL()}
}

func (c *caller) call(tb testing.TB, version, action string, params map[string]string) ([]byte, error) {
	all := map[string]string{
		"Action": action, "Version": version, "Format": "JSON", "AccessKeyId": TestKey, "SignatureMethod": "HMAC-SHA1",
		"SignatureVersion": "1.0", "SignatureNonce": strconv.FormatInt(nonce.Add(1), 10),
		"Timestamp": time.Now().UTC().Format("2006-01-02T15:04:05Z"), "RegionId": "cn-hangzhou",
	}
	for name, value := range params {
		all[name] = value
	}
	all["Signature"] = signature.Sign(TestSecret, signature.StringToSign(http.MethodGet, all))
	values := url.Values{}
	for name, value := range all {
		values.Set(name, value)
	}
	req, err := http.NewRequestWithContext(tb.Context(), http.MethodGet, c.url+"/?"+values.Encode(), http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	err = errors.Join(err, resp.Body.Close())
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s %s", action, resp.Status, body)
	}
	return body, err
}

var lists = []struct {
	name, version, action string
	params                map[string]string
}{
	{"servers", "2014-05-26", "DescribeInstances", map[string]string{"PageNumber": "300", "PageSize": "10"}},
	{"100servers", "2014-05-26", "DescribeInstances", map[string]string{"InstanceIds": ids(100)}},
	{"status", "2014-05-26", "DescribeInstanceStatus", map[string]string{"PageNumber": "7", "PageSize": "50"}},
	{"routes", "2016-04-28", "DescribeRouteEntryList", map[string]string{"RouteTableId": "vtb-3", "MaxResult": "100"}},
	{"balancers", "2014-05-15", "DescribeLoadBalancers", map[string]string{"PageNumber": "3", "PageSize": "50"}},
	{"listeners", "2014-05-15", "DescribeLoadBalancerListeners", map[string]string{"LoadBalancerId.1": "lb-7", "MaxResults": "50"}},
	{"attribute", "2014-05-15", "DescribeLoadBalancerAttribute", map[string]string{"LoadBalancerId": "lb-7"}},
}

func ids(n int) string {
	all := make([]string, 0, n)
	for i := range n {
		all = append(all, fmt.Sprintf("i-%d", i*37))
	}
	raw, err := json.Marshal(all)
	if err != nil {
		panic(err)
	}
	return string(raw)
}

// BenchmarkLists tells how many list requests a second a large region answers,
// client and server on the same processors.
func BenchmarkLists(b *testing.B) {
	s := Start(b, Options{Seed: largeRegion(5000, 2000, 500)})
	c := newCaller(b, s)
	var memory runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&memory)
	b.Logf("the region takes %d MiB", memory.HeapAlloc>>20)
	for _, l := range lists {
		b.Run(l.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetParallelism(8)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := c.call(b, l.version, l.action, l.params); err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
		})
	}
}

// The whole list must not cost more than a constant times its pages: a region
// ten times as large answers a page in much less than ten times the time.
func TestPageCostsDoNotGrowWithTheRegion(t *testing.T) {
	if testing.Short() {
		t.Skip("makes a large region")
	}
	took := func(servers int) time.Duration {
		s := Start(t, Options{Seed: largeRegion(servers, 100, 1)})
		c := newCaller(t, s)
		best := time.Hour
		for range 30 {
			begin := time.Now()
			if _, err := c.call(t, "2014-05-26", "DescribeInstances", map[string]string{"InstanceIds": ids(3)}); err != nil {
				t.Fatal(err)
			}
			best = min(best, time.Since(begin))
		}
		return best
	}
	small, large := took(200), took(2000)
	if large > 5*small+time.Millisecond {
		t.Errorf("the same question takes %v among 200 servers and %v among 2000", small, large)
	}
}

// Many callers at once lose no change and no count.
func TestConcurrentCallersLoseNothing(t *testing.T) {
	s := Start(t, Options{Seed: SmallRegion(1), Profile: region.Instant})
	c := newCaller(t, s)
	const callers, each = 16, 20
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for range each {
				if _, err := c.call(t, "2014-05-15", "CreateLoadBalancer", map[string]string{"InstanceChargeType": "PayByCLCU"}); err != nil &&
					!strings.Contains(err.Error(), "QUOTA") {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	codes := s.CountsByCode()["CreateLoadBalancer"]
	var made int
	s.Do(func(r *Region) { made = len(r.SLB.IDs()) })
	quota := s.Region.Knobs().LoadBalancersPerAccount
	if made != quota || codes["OK"] != quota || s.Counts()["CreateLoadBalancer"] != callers*each {
		t.Errorf("%d made, quota %d, codes %v, counts %v", made, quota, codes, s.Counts())
	}
}
