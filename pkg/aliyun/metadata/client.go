package metadata

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"k8s.io/utils/clock"
)

// Options configure New; the zero value is right on a server.
type Options struct {
	// BaseURL defaults to DefaultBaseURL.
	BaseURL string
	// Timeout bounds each request; default 2 s.
	Timeout time.Duration
	// Clock defaults to the real one.
	Clock clock.PassiveClock
}

// Client reads metadata. It is safe for concurrent use.
//
// Servers may demand a token with each request (hardened mode), and older ones
// do not know tokens: the client asks for one and goes without where that fails.
type Client struct {
	base  string
	http  *http.Client
	clock clock.PassiveClock

	mu         sync.Mutex
	token      string
	tokenUntil time.Time
	noTokens   time.Time // tokens are not tried before
}

const (
	defaultTimeout = 2 * time.Second
	maxReply       = 1 << 20
	dataPath       = "/latest/meta-data/"
	tokenPath      = "/latest/api/token"           //nolint:gosec // a path
	tokenHeader    = "X-aliyun-ecs-metadata-token" //nolint:gosec // a name
	ttlHeader      = "X-aliyun-ecs-metadata-token-ttl-seconds"
	tokenTTL       = 6 * time.Hour // the longest that the service allows
	tokenUse       = 5 * time.Hour
	withoutTokens  = 5 * time.Minute
)

// New returns a client; it sends nothing. Metadata never goes through a proxy,
// and redirects are not followed.
func New(opts Options) (*Client, error) {
	if opts.BaseURL == "" {
		opts.BaseURL = DefaultBaseURL
	}
	u, err := url.Parse(opts.BaseURL)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("metadata endpoint %q is not an http URL", opts.BaseURL)
	}
	if opts.Timeout <= 0 {
		opts.Timeout = defaultTimeout
	}
	if opts.Clock == nil {
		opts.Clock = clock.RealClock{}
	}
	return &Client{
		base:  strings.TrimRight(opts.BaseURL, "/"),
		clock: opts.Clock,
		http: &http.Client{
			Timeout: opts.Timeout,
			Transport: &http.Transport{
				DialContext: (&net.Dialer{Timeout: opts.Timeout}).DialContext,
				// Reads are rare; a kept connection would only be stale.
				DisableKeepAlives: true,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error {
				return http.ErrUseLastResponse
			},
		},
	}, nil
}

// statusError is an answer that is no success.
type statusError struct {
	path   string
	status int
}

func (e *statusError) Error() string {
	return fmt.Sprintf("metadata service: HTTP %d for %s", e.status, e.path)
}

func (e *statusError) Is(target error) bool {
	return target == ErrNotFound && e.status == http.StatusNotFound
}

// refused: a token is demanded, or another one.
func (e *statusError) refused() bool {
	return e.status == http.StatusUnauthorized || e.status == http.StatusForbidden
}

// get returns an entry under meta-data.
func (c *Client) get(ctx context.Context, path string) ([]byte, error) {
	token, tokenErr := c.currentToken(ctx)
	body, err := c.do(ctx, http.MethodGet, dataPath+path, tokenHeader, token)
	status, answered := errors.AsType[*statusError](err)
	if answered && status.refused() {
		// The token has been forgotten at the other end, or this server has just
		// been switched to hardened mode: once more with a new one.
		c.forgetToken()
		if token, tokenErr = c.currentToken(ctx); token != "" {
			body, err = c.do(ctx, http.MethodGet, dataPath+path, tokenHeader, token)
		}
	}
	if err != nil && tokenErr != nil {
		// Only as text: a service without tokens answers 404 to the request for
		// one, which must not make an entry that could not be read look absent.
		return nil, fmt.Errorf("%w (asked without a token: %s)", err, tokenErr.Error())
	}
	return body, err
}

// currentToken returns the token to send. An error comes with an empty token,
// which is worth a try.
func (c *Client) currentToken(ctx context.Context) (string, error) {
	c.mu.Lock()
	token, now := c.token, c.clock.Now()
	fresh, tryLater := now.Before(c.tokenUntil), now.Before(c.noTokens)
	c.mu.Unlock()
	if fresh {
		return token, nil
	}
	if tryLater {
		return "", nil
	}
	body, err := c.do(ctx, http.MethodPut, tokenPath, ttlHeader, strconv.Itoa(int(tokenTTL.Seconds())))
	if err == nil && (len(body) == 0 || len(body) > maxWord*4) {
		err = errors.New("metadata service: the token is malformed")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		if ctx.Err() == nil {
			c.noTokens = now.Add(withoutTokens)
		}
		return "", err
	}
	c.token, c.tokenUntil = strings.TrimSpace(string(body)), now.Add(tokenUse)
	return c.token, nil
}

func (c *Client) forgetToken() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.token, c.tokenUntil, c.noTokens = "", time.Time{}, time.Time{}
}

func (c *Client) do(ctx context.Context, method, path, header, value string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, nil)
	if err != nil {
		return nil, fmt.Errorf("metadata service: %w", err)
	}
	if value != "" {
		request.Header.Set(header, value)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, fmt.Errorf("metadata service: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxReply))
	if err != nil {
		return nil, fmt.Errorf("metadata service: reading %s: %w", path, err)
	}
	if response.StatusCode != http.StatusOK {
		return nil, &statusError{path: path, status: response.StatusCode}
	}
	return body, nil
}
