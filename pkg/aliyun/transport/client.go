package transport

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk"
	sdkcredentials "github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth/credentials"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/credentials"
)

// client is one SDK client with the two ends that we hold: what it signs with
// and how it sends. An SDK client is not safe for concurrent use, so each
// attempt takes one out of the pool for itself.
type client struct {
	sdk  *sdk.Client
	key  *signingKey
	wire *wire
}

// clientPool keeps idle clients. They are cheap; the pool only saves garbage.
type clientPool struct {
	region    string
	userAgent string
	timeout   time.Duration
	base      http.RoundTripper
	idle      chan *client
}

func (p *clientPool) get() (*client, error) {
	select {
	case c := <-p.idle:
		return c, nil
	default:
	}
	c := &client{key: &signingKey{}, wire: &wire{base: p.base}}
	config := sdk.NewConfig().WithAutoRetry(false).WithScheme("HTTPS").WithUserAgent(p.userAgent)
	config.Transport = c.wire
	inner, err := sdk.NewClientWithOptions(p.region, config, c.key)
	if err != nil {
		return nil, fmt.Errorf("making an SDK client: %w", err)
	}
	// The wire's context is what ends an attempt. The SDK's own time-out only
	// has to be later than that, and set, or the SDK picks one by action.
	inner.SetReadTimeout(p.timeout + dialTimeout)
	inner.SetCloseTrace(true)
	// The SDK parses the proxy variables on every call although our connections
	// have read them already, and fails on a NO_PROXY entry that is no regular
	// expression. Values of its own keep it from looking.
	inner.SetHttpProxy("http://localhost")
	inner.SetHttpsProxy("http://localhost")
	inner.SetNoProxy("^$")
	c.sdk = inner
	return c, nil
}

func (p *clientPool) put(c *client) {
	c.key.current = credentials.Credentials{}
	c.wire.forget()
	select {
	case p.idle <- c:
	default:
	}
}

// signingKey is the SDK's view of the credentials of one attempt.
type signingKey struct{ current credentials.Credentials }

// GetCredentials implements the SDK's CredentialsProvider.
func (k *signingKey) GetCredentials() (*sdkcredentials.Credentials, error) {
	return &sdkcredentials.Credentials{
		AccessKeyId:     k.current.AccessKeyID,
		AccessKeySecret: k.current.AccessKeySecret,
		SecurityToken:   k.current.SecurityToken,
		ProviderName:    k.GetProviderName(),
	}, nil
}

// GetProviderName implements the SDK's CredentialsProvider; it is sent as a header.
func (k *signingKey) GetProviderName() string {
	if k.current.SecurityToken != "" {
		return "static_sts"
	}
	return "static_ak"
}

// wire sends for one SDK client. It gives the request the context that the SDK
// cannot carry, follows no redirect, and remembers what the SDK throws away.
// Its type hides the *http.Transport, which the SDK would rewrite on each call.
type wire struct {
	base http.RoundTripper
	ctx  context.Context //nolint:containedctx // the SDK's calls take no context; set for one attempt

	// gate is asked right before the request is sent; nil for reads. refused is
	// its last answer.
	gate    func() error
	refused *atomic.Pointer[error]

	status     int
	header     http.Header
	connecting atomic.Bool
	connected  atomic.Bool
	started    bool
}

// begin prepares for one attempt; gate is asked right before it is sent, nil for
// not at all.
func (w *wire) begin(ctx context.Context, gate func() error) {
	w.forget()
	w.ctx = ctx
	if gate == nil {
		return
	}
	// A connection that was given up may ask later: it has this attempt's answer.
	refused := &atomic.Pointer[error]{}
	w.refused = refused
	w.gate = func() error {
		err := gate()
		if err != nil {
			refused.Store(&err)
		}
		return err
	}
}

// refusal is why the gate kept the request from being sent, or nil.
func (w *wire) refusal() error {
	if w.refused == nil {
		return nil
	}
	if err := w.refused.Load(); err != nil {
		return *err
	}
	return nil
}

func (w *wire) forget() {
	w.ctx, w.gate, w.refused, w.status, w.header, w.started = nil, nil, nil, 0, nil, false
	w.connecting.Store(false)
	w.connected.Store(false)
}

// RoundTrip implements http.RoundTripper.
func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	w.started = true
	ctx := httptrace.WithClientTrace(w.ctx, &httptrace.ClientTrace{
		GetConn: func(string) { w.connecting.Store(true) },
		GotConn: func(info httptrace.GotConnInfo) {
			w.connected.Store(true)
			guard(info, w.gate)
		},
	})
	resp, err := w.base.RoundTrip(req.WithContext(ctx))
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller takes it apart
	}
	w.status, w.header = resp.StatusCode, resp.Header
	// http.Client follows a redirect only if it is told where to.
	resp.Header.Del("Location")
	resp.Body = &boundedBody{ReadCloser: resp.Body, left: maxReplyBytes}
	return resp, nil
}

// maybeSent reports whether the request may have left: everything but a
// request that was never given a connection.
func (w *wire) maybeSent() bool {
	if !w.started {
		return false
	}
	return w.connected.Load() || !w.connecting.Load()
}
