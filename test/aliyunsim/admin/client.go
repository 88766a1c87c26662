package admin

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/ecs"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/fault"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/gateway"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/journal"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/network"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/ram"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/region"
)

// Client speaks to the admin interface of a simulator in another process. A
// refusal is a *RefusedError.
type Client struct {
	base string
	http *http.Client
}

// NewClient makes a client of the simulator at a URL; a nil client is one with a
// time-out of 30 s.
func NewClient(base string, client *http.Client) *Client {
	if client == nil {
		client = &http.Client{Timeout: 30 * time.Second}
	}
	return &Client{base: strings.TrimRight(base, "/"), http: client}
}

// Healthy says whether the simulator answers.
func (c *Client) Healthy(ctx context.Context) error {
	_, err := c.send(ctx, http.MethodGet, "healthz", nil)
	return err
}

// State returns the whole state without keys and secrets.
func (c *Client) State(ctx context.Context) (s region.State, err error) {
	return s, c.call(ctx, http.MethodGet, "state", nil, &s)
}

// Save makes the simulator write its state file.
func (c *Client) Save(ctx context.Context) error {
	return c.call(ctx, http.MethodPost, "save", nil, nil)
}

// Seed adds what a YAML seed holds.
func (c *Client) Seed(ctx context.Context, yaml string) error {
	_, err := c.send(ctx, http.MethodPost, "seed", []byte(yaml))
	return err
}

// Settings returns all knobs.
func (c *Client) Settings(ctx context.Context) (s region.Settings, err error) {
	return s, c.call(ctx, http.MethodGet, "settings", nil, &s)
}

// Configure changes the named knobs.
func (c *Client) Configure(ctx context.Context, s region.Settings) error {
	return c.call(ctx, http.MethodPost, "settings", s, nil)
}

// SetProfile sets latencies, delays and quotas of a profile.
func (c *Client) SetProfile(ctx context.Context, name string) error {
	return c.call(ctx, http.MethodPost, "profile/"+url.PathEscape(name), nil, nil)
}

// Journal returns the kept calls with a number above since.
func (c *Client) Journal(ctx context.Context, since int64) (entries []journal.Entry, err error) {
	return entries, c.call(ctx, http.MethodGet, "journal?since="+strconv.FormatInt(since, 10), nil, &entries)
}

// Counters returns the calls since the last reset.
func (c *Client) Counters(ctx context.Context) (counters Counters, err error) {
	return counters, c.call(ctx, http.MethodGet, "counters", nil, &counters)
}

// ResetCounters sets the counters to zero and empties the journal.
func (c *Client) ResetCounters(ctx context.Context) error {
	return c.call(ctx, http.MethodDelete, "counters", nil, nil)
}

// Usage returns the actions that were never called and the unknown parameters.
func (c *Client) Usage(ctx context.Context) (u gateway.Usage, err error) {
	return u, c.call(ctx, http.MethodGet, "usage", nil, &u)
}

// Fault puts a rule in force and returns its id.
func (c *Client) Fault(ctx context.Context, rule fault.Rule) (int, error) {
	var id ID[int]
	err := c.call(ctx, http.MethodPost, "faults", rule, &id)
	return id.ID, err
}

// Faults lists the rules in force.
func (c *Client) Faults(ctx context.Context) (rules []fault.Rule, err error) {
	return rules, c.call(ctx, http.MethodGet, "faults", nil, &rules)
}

// ClearFault ends a rule.
func (c *Client) ClearFault(ctx context.Context, id int) error {
	return c.call(ctx, http.MethodDelete, "faults/"+strconv.Itoa(id), nil, nil)
}

// ClearFaults ends every rule.
func (c *Client) ClearFaults(ctx context.Context) error {
	return c.call(ctx, http.MethodDelete, "faults", nil, nil)
}

// CreateServer adds a server and returns its id.
func (c *Client) CreateServer(ctx context.Context, s ecs.ServerSeed) (string, error) {
	var id ID[string]
	err := c.call(ctx, http.MethodPost, "servers", s, &id)
	return id.ID, err
}

// StartServer starts a stopped server.
func (c *Client) StartServer(ctx context.Context, id string) error {
	return c.act(ctx, "servers", id, "start")
}

// StopServer stops a running server.
func (c *Client) StopServer(ctx context.Context, id string) error {
	return c.act(ctx, "servers", id, "stop")
}

// ReleaseServer deletes a server under the rules of DeleteInstance.
func (c *Client) ReleaseServer(ctx context.Context, id string, force bool) error {
	return c.act(ctx, "servers", id, "release?force="+strconv.FormatBool(force))
}

// SetUnhealthy makes a server fail or pass health checks.
func (c *Client) SetUnhealthy(ctx context.Context, id string, unhealthy bool) error {
	if unhealthy {
		return c.act(ctx, "servers", id, "sick")
	}
	return c.act(ctx, "servers", id, "well")
}

// LockLoadBalancer locks a load balancer, or unlocks it.
func (c *Client) LockLoadBalancer(ctx context.Context, id string, locked bool) error {
	if locked {
		return c.act(ctx, "loadbalancers", id, "lock")
	}
	return c.act(ctx, "loadbalancers", id, "unlock")
}

// PutKey adds or replaces an access key.
func (c *Client) PutKey(ctx context.Context, k ram.Key) error {
	return c.call(ctx, http.MethodPost, "keys", k, nil)
}

// Attach replaces the policies of a key; none lets it do everything.
func (c *Client) Attach(ctx context.Context, key string, policies ...ram.Policy) error {
	if policies == nil {
		policies = []ram.Policy{}
	}
	return c.call(ctx, http.MethodPut, "keys/"+url.PathEscape(key)+"/policies", policies, nil)
}

// PutRole adds or replaces a role.
func (c *Client) PutRole(ctx context.Context, r ram.Role) error {
	return c.call(ctx, http.MethodPost, "roles", r, nil)
}

// ExpireSessions ends the temporary credentials of a role, of all when empty.
func (c *Client) ExpireSessions(ctx context.Context, role string) error {
	return c.call(ctx, http.MethodPost, "sessions/expire?role="+url.QueryEscape(role), nil, nil)
}

// Step moves simulated time forward.
func (c *Client) Step(ctx context.Context, d time.Duration) error {
	return c.call(ctx, http.MethodPost, "clock/step?by="+url.QueryEscape(d.String()), nil, nil)
}

// Dataplane tells where the region's network is on this machine, once it is as the
// region has it. Without a data plane it is refused with NoDataplane.
func (c *Client) Dataplane(ctx context.Context) (p network.Plane, err error) {
	return p, c.call(ctx, http.MethodGet, "dataplane", nil, &p)
}

func (c *Client) act(ctx context.Context, kind, id, verb string) error {
	return c.call(ctx, http.MethodPost, kind+"/"+url.PathEscape(id)+"/"+verb, nil, nil)
}

// call sends a value as JSON and decodes the answer.
func (c *Client) call(ctx context.Context, method, path string, body, into any) error {
	var raw []byte
	if body != nil {
		var err error
		if raw, err = json.Marshal(body); err != nil {
			return fmt.Errorf("admin %s: encode: %w", path, err)
		}
	}
	reply, err := c.send(ctx, method, path, raw)
	if err != nil || into == nil {
		return err
	}
	if err := json.Unmarshal(reply, into); err != nil {
		return fmt.Errorf("admin %s: decode: %w", path, err)
	}
	return nil
}

func (c *Client) send(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+"/admin/"+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("admin %s: %w", path, err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("admin %s: %w", path, err)
	}
	reply, err := io.ReadAll(resp.Body)
	if closeErr := resp.Body.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, fmt.Errorf("admin %s: %w", path, err)
	}
	if resp.StatusCode != http.StatusOK {
		failure := &RefusedError{}
		if json.Unmarshal(reply, failure) != nil || failure.Message == "" {
			failure.Message = cmp.Or(strings.TrimSpace(string(reply)), resp.Status)
		}
		return nil, fmt.Errorf("admin %s: %w", path, failure)
	}
	return reply, nil
}
