package transport_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	sdkecs "github.com/aliyun/alibaba-cloud-sdk-go/services/ecs"
	sdkslb "github.com/aliyun/alibaba-cloud-sdk-go/services/slb"
	sdksts "github.com/aliyun/alibaba-cloud-sdk-go/services/sts"
	"k8s.io/utils/clock"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/credentials"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/metadata"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/transport"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/fault"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/gateway"
	simmetadata "github.com/kube-aliyun/kube-aliyun/test/aliyunsim/metadata"
)

// role is a seed with a role that servers, tokens and other keys may take.
const role = `
roles:
- name: test-role
`

func start(t *testing.T, change ...func(*transport.Options)) (*aliyunsim.Sim, *transport.Transport) {
	t.Helper()
	sim := aliyunsim.Start(t, aliyunsim.Options{Seed: aliyunsim.SmallRegion(3) + role})
	return sim, connect(t, sim, change...)
}

func connect(t *testing.T, sim *aliyunsim.Sim, change ...func(*transport.Options)) *transport.Transport {
	t.Helper()
	endpoints := map[transport.Product]string{}
	for _, p := range []transport.Product{transport.Ecs, transport.Vpc, transport.Slb, transport.Sts} {
		endpoints[p] = sim.URL()
	}
	opts := transport.Options{
		Region: "cn-hangzhou", Endpoints: endpoints,
		Credentials: credentials.Static(sim.AccessKeyID, sim.AccessKeySecret, ""),
	}
	for _, c := range change {
		c(&opts)
	}
	tr, err := transport.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tr.Close)
	return tr
}

func list(ctx context.Context, tr *transport.Transport) (int, error) {
	response := sdkecs.CreateDescribeInstancesResponse()
	err := tr.Do(ctx, transport.Call{
		Product: transport.Ecs, Request: sdkecs.CreateDescribeInstancesRequest(), Response: response, Repeatable: true,
	})
	return len(response.Instances.Instance), err
}

// roleARN is the name of the seed's role in the account of the region.
func roleARN(t *testing.T, tr *transport.Transport) string {
	t.Helper()
	identity := sdksts.CreateGetCallerIdentityResponse()
	err := tr.Do(t.Context(), transport.Call{
		Product: transport.Sts, Request: sdksts.CreateGetCallerIdentityRequest(), Response: identity, Repeatable: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	return "acs:ram::" + identity.AccountId + ":role/test-role"
}

func create(ctx context.Context, tr *transport.Transport, token string) error {
	request := sdkslb.CreateCreateLoadBalancerRequest()
	request.InstanceChargeType = "PayByCLCU"
	request.ClientToken = token
	return tr.Do(ctx, transport.Call{
		Product: transport.Slb, Request: request, Response: sdkslb.CreateCreateLoadBalancerResponse(),
		Mutating: true, Repeatable: token != "",
	})
}

func balancers(t *testing.T, tr *transport.Transport) int {
	t.Helper()
	response := sdkslb.CreateDescribeLoadBalancersResponse()
	err := tr.Do(t.Context(), transport.Call{
		Product: transport.Slb, Request: sdkslb.CreateDescribeLoadBalancersRequest(), Response: response, Repeatable: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	return len(response.LoadBalancers.LoadBalancer)
}

func TestLostReplyOfACreateWithATokenMakesOneLoadBalancer(t *testing.T) {
	sim, tr := start(t)
	sim.Fault(fault.Rule{Action: "CreateLoadBalancer", Kind: fault.DropReply, Count: 2})
	if err := create(t.Context(), tr, "test-token"); err != nil {
		t.Fatal(err)
	}
	if n := balancers(t, tr); n != 1 {
		t.Errorf("%d load balancers", n)
	}
}

func TestLostReplyOfACreateWithoutATokenIsNotRepeated(t *testing.T) {
	sim, tr := start(t)
	sim.Fault(fault.Rule{Action: "CreateLoadBalancer", Kind: fault.DropReply, Count: 1})
	err := create(t.Context(), tr, "")
	if !errors.Is(err, apierror.ErrUnavailable) || !apierror.MaybeExecuted(err) {
		t.Errorf("got %v", err)
	}
	if n := balancers(t, tr); n != 1 {
		t.Errorf("%d load balancers", n)
	}
}

func TestCallsConvergeWhileAFifthIsThrottled(t *testing.T) {
	var attempts atomic.Int32
	sim, tr := start(t, func(o *transport.Options) {
		o.MaxAttempts = 12
		o.Observe = func(transport.Attempt) { attempts.Add(1) }
	})
	sim.Fault(fault.Rule{Kind: fault.Throttle, Probability: 0.2})
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	var wg sync.WaitGroup
	var failed atomic.Int32
	for range 20 {
		wg.Go(func() {
			for range 5 {
				if n, err := list(ctx, tr); err != nil || n != 3 {
					failed.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if failed.Load() != 0 {
		t.Errorf("%d of 100 calls failed", failed.Load())
	}
	if n := attempts.Load(); n < 100 || n > 170 {
		t.Errorf("%d attempts for 100 calls", n)
	}
}

func TestRegionWhoseRateIsSpentIsAskedRarely(t *testing.T) {
	const total, settled = 4 * time.Second, 2500 * time.Millisecond
	begun := time.Now()
	var late atomic.Int32
	sim, tr := start(t, func(o *transport.Options) {
		o.Observe = func(a transport.Attempt) {
			if a.Start.Sub(begun) > settled {
				late.Add(1)
			}
		}
	})
	sim.Gateway(func(k *gateway.Knobs) {
		k.RateLimits = map[string]int{"DescribeInstances": 20}
		k.RateWindow = time.Hour
	})
	ctx, cancel := context.WithTimeout(t.Context(), total)
	defer cancel()
	var wg sync.WaitGroup
	for range 60 { // callers that know no pause of their own
		wg.Go(func() {
			for ctx.Err() == nil {
				_, _ = list(ctx, tr)
			}
		})
	}
	wg.Wait()
	// By the pauses of the calls alone it would be more than a hundred.
	if n := late.Load(); n == 0 || n > 50 {
		t.Errorf("%d attempts in the last %v", n, total-settled)
	}
}

func TestNoAnswerOfABrokenRegionLooksLikeAnEmptyOne(t *testing.T) {
	for _, kind := range []fault.Kind{fault.Throttle, fault.ServerError, fault.Deny, fault.NonJSON, fault.Empty, fault.Reset, fault.DropReply} {
		t.Run(string(kind), func(t *testing.T) {
			sim, tr := start(t, func(o *transport.Options) { o.MaxAttempts = 2 })
			sim.Fault(fault.Rule{Kind: kind})
			_, err := list(t.Context(), tr)
			if err == nil || errors.Is(err, apierror.ErrNotFound) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestSlowRegionIsLeftWhenTheCallerGoes(t *testing.T) {
	sim, tr := start(t)
	sim.Fault(fault.Rule{Kind: fault.DelayBody, Delay: time.Minute})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	begun := time.Now()
	_, err := list(ctx, tr)
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) > time.Second {
		t.Errorf("after %v: %v", time.Since(begun), err)
	}
}

func TestRoleOfTheServerSignsCalls(t *testing.T) {
	sim := aliyunsim.Start(t, aliyunsim.Options{Seed: aliyunsim.SmallRegion(3) + role})
	for name, knobs := range map[string]simmetadata.Knobs{
		"hardened":   {Role: "test-role", TokenRequired: true, Validity: time.Hour, RotateBefore: time.Minute},
		"old server": {Role: "test-role", TokensUnsupported: true, Validity: time.Hour, RotateBefore: time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			sim.Metadata(func(k *simmetadata.Knobs) { *k = knobs })
			client, err := metadata.New(metadata.Options{BaseURL: sim.MetadataURL("i-1")})
			if err != nil {
				t.Fatal(err)
			}
			if id, err := client.InstanceID(t.Context()); id != "i-1" || err != nil {
				t.Errorf("%q, %v", id, err)
			}
			source := credentials.NewRefreshing(credentials.NewRAMRole(client, ""), clock.RealClock{})
			if _, err := list(t.Context(), connect(t, sim, func(o *transport.Options) { o.Credentials = source })); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAssumedRoleSignsCalls(t *testing.T) {
	sim, base := start(t)
	source := credentials.NewRefreshing(credentials.NewAssumedRole(transport.NewAssumer(base), credentials.Role{ARN: roleARN(t, base)}), clock.RealClock{})
	tr := connect(t, sim, func(o *transport.Options) { o.Credentials = source })
	for range 3 {
		if n, err := list(t.Context(), tr); err != nil || n != 3 {
			t.Fatalf("%d, %v", n, err)
		}
	}
	if n := sim.Counts()["AssumeRole"]; n != 1 {
		t.Errorf("the role was assumed %d times", n)
	}
}

func TestTokenOfAServiceAccountIsExchangedForARole(t *testing.T) {
	sim, base := start(t)
	file := filepath.Join(t.TempDir(), "token")
	write := func(expires time.Time) {
		t.Helper()
		claims := fmt.Sprintf(`{"iss":"https://test","sub":"system:serviceaccount:kube-system:test","aud":["sts.aliyuncs.com"],"exp":%d}`, expires.Unix())
		token := "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".test"
		if err := os.WriteFile(file, []byte(token), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	oidc, err := credentials.NewOIDC(credentials.OIDCOptions{
		RoleARN: roleARN(t, base), ProviderARN: "acs:ram::1:oidc-provider/test", TokenFile: file, Endpoint: sim.URL(),
		RoundTripper: &http.Transport{DisableKeepAlives: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	write(time.Now().Add(-time.Minute))
	if _, err := oidc.Get(t.Context()); !errors.Is(err, apierror.ErrDenied) || apierror.CodeOf(err) != "AuthenticationFail.OIDCToken.Expired" {
		t.Errorf("expired: %v", err)
	}
	write(time.Now().Add(time.Hour))
	tr := connect(t, sim, func(o *transport.Options) { o.Credentials = credentials.NewRefreshing(oidc, clock.RealClock{}) })
	if n, err := list(t.Context(), tr); err != nil || n != 3 {
		t.Errorf("%d, %v", n, err)
	}
}

func TestSessionThatTheRegionForgotIsRenewedInOneCall(t *testing.T) {
	sim, base := start(t)
	source := &again{source: credentials.NewAssumedRole(transport.NewAssumer(base), credentials.Role{ARN: roleARN(t, base)})}
	tr := connect(t, sim, func(o *transport.Options) { o.Credentials = source })
	if _, err := list(t.Context(), tr); err != nil {
		t.Fatal(err)
	}
	sim.Fault(fault.Rule{Action: "DescribeInstances", Kind: fault.Deny, Code: "InvalidSecurityToken.Expired", Status: 400, Count: 1})
	if n, err := list(t.Context(), tr); err != nil || n != 3 {
		t.Errorf("%d, %v", n, err)
	}
	if n := sim.Counts()["AssumeRole"]; n != 2 {
		t.Errorf("the role was assumed %d times", n)
	}
}

// again remembers credentials until it is told that they were refused.
type again struct {
	source credentials.Source
	mu     sync.Mutex
	kept   credentials.Credentials
}

func (a *again) Get(ctx context.Context) (credentials.Credentials, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.kept.AccessKeyID != "" {
		return a.kept, nil
	}
	var err error
	a.kept, err = a.source.Get(ctx)
	return a.kept, err
}

func (a *again) Invalidate(credentials.Credentials) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.kept = credentials.Credentials{}
}

func TestWrongKeysAreToldPlainly(t *testing.T) {
	sim, _ := start(t)
	for _, c := range []struct{ id, secret, word string }{
		{"test-unknown", "x", "InvalidAccessKeyId"},
		{sim.AccessKeyID, "test-wrong", "secret does not belong"},
	} {
		tr := connect(t, sim, func(o *transport.Options) { o.Credentials = credentials.Static(c.id, c.secret, "") })
		_, err := list(t.Context(), tr)
		if !errors.Is(err, apierror.ErrDenied) || !strings.Contains(err.Error(), c.word) || strings.Contains(err.Error(), c.secret+"&") {
			t.Errorf("got %v", err)
		}
	}
}
