package credentials

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
)

// OIDCOptions configure NewOIDC. The first four are required.
type OIDCOptions struct {
	RoleARN, ProviderARN, TokenFile string
	// Endpoint is the URL of STS, https://sts.<region>.aliyuncs.com for example.
	Endpoint string
	// SessionName defaults to kube-aliyun.
	SessionName string
	// Duration of the credentials; default one hour.
	Duration time.Duration
	// RoundTripper defaults to the default one of net/http.
	RoundTripper http.RoundTripper
}

// oidc exchanges the token of a service account for credentials (RRSA). The
// call is not signed: the token is the proof.
type oidc struct {
	opts     OIDCOptions
	endpoint *url.URL
	client   *http.Client
}

const (
	stsTimeout  = 10 * time.Second
	maxSTSReply = 1 << 20
	oidcAction  = "AssumeRoleWithOIDC"
)

// NewOIDC returns a source of credentials for a role that trusts the cluster's
// token issuer. It remembers nothing; see NewRefreshing.
func NewOIDC(opts OIDCOptions) (Source, error) {
	var problems []error
	for _, field := range []struct{ name, value string }{
		{"role ARN", opts.RoleARN}, {"OIDC provider ARN", opts.ProviderARN},
		{"OIDC token file", opts.TokenFile}, {"STS endpoint", opts.Endpoint},
	} {
		if field.value == "" {
			problems = append(problems, fmt.Errorf("OIDC credentials: no %s", field.name))
		}
	}
	endpoint, err := url.Parse(opts.Endpoint)
	if err != nil || (endpoint.Host == "" && opts.Endpoint != "") {
		problems = append(problems, fmt.Errorf("OIDC credentials: STS endpoint %q is not a URL", opts.Endpoint))
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	if opts.SessionName == "" {
		opts.SessionName = defaultSessionName
	}
	if opts.Duration == 0 {
		opts.Duration = defaultDuration
	}
	return &oidc{opts: opts, endpoint: endpoint, client: &http.Client{
		Transport: opts.RoundTripper,
		Timeout:   stsTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}}, nil
}

// Get implements Source.
func (o *oidc) Get(ctx context.Context) (Credentials, error) {
	token, err := readAtMost(o.opts.TokenFile, maxFileSize)
	if err != nil {
		return Credentials{}, fmt.Errorf("reading the OIDC token: %w", err)
	}
	form := url.Values{
		"Action": {oidcAction}, "Version": {"2015-04-01"}, "Format": {"JSON"},
		"Timestamp": {time.Now().UTC().Format("2006-01-02T15:04:05Z")}, "SignatureNonce": {rand.Text()},
		"RoleArn": {o.opts.RoleARN}, "OIDCProviderArn": {o.opts.ProviderARN},
		"OIDCToken": {strings.TrimSpace(string(token))}, "RoleSessionName": {o.opts.SessionName},
		"DurationSeconds": {strconv.Itoa(int(o.opts.Duration.Seconds()))},
	}
	reply, err := o.post(ctx, form)
	if err != nil {
		return Credentials{}, err
	}
	return reply.credentials()
}

// String names the source in messages.
func (o *oidc) String() string { return "OIDC role " + o.opts.RoleARN }

func (o *oidc) post(ctx context.Context, form url.Values) (*stsReply, error) {
	lost := func(status int, err error) error {
		// The URL error would repeat the address; the cause says more.
		if wrapped, ok := errors.AsType[*url.Error](err); ok {
			err = wrapped.Err
		}
		return &apierror.Error{
			Product: "Sts", Action: oidcAction, Kind: apierror.Unavailable,
			HTTPStatus: status, Err: fmt.Errorf("%s: %w", o.endpoint.Host, err),
		}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, o.endpoint.String(), strings.NewReader(form.Encode()))
	if err != nil {
		return nil, lost(0, err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := o.client.Do(request)
	if err != nil {
		return nil, lost(0, err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxSTSReply))
	if err != nil {
		return nil, lost(response.StatusCode, err)
	}
	var reply stsReply
	// What the parser says about a body with a token in it stays untold.
	if json.Unmarshal(body, &reply) != nil {
		return nil, lost(response.StatusCode, errSTSReply)
	}
	if response.StatusCode != http.StatusOK {
		message := strings.ReplaceAll(reply.Message, form.Get("OIDCToken"), "[redacted]")
		return nil, apierror.New("Sts", oidcAction, reply.Code, message, reply.RequestID, response.StatusCode)
	}
	return &reply, nil
}

var errSTSReply = errors.New("the answer is not one of STS")

type stsReply struct {
	RequestID   string `json:"RequestId"`
	Code        string `json:"Code"`
	Message     string `json:"Message"`
	Credentials struct {
		AccessKeyID     string `json:"AccessKeyId"`
		AccessKeySecret string `json:"AccessKeySecret"`
		SecurityToken   string `json:"SecurityToken"`
		Expiration      string `json:"Expiration"`
	} `json:"Credentials"`
}

func (r *stsReply) credentials() (Credentials, error) {
	c := r.Credentials
	return FromSTS(c.AccessKeyID, c.AccessKeySecret, c.SecurityToken, c.Expiration, "oidc")
}

// FromSTS makes credentials out of the texts of an STS answer. Expiration is
// UTC to the second with a Z.
func FromSTS(accessKeyID, accessKeySecret, securityToken, expiration, provider string) (Credentials, error) {
	expires, err := time.Parse(time.RFC3339, expiration)
	if err != nil || accessKeyID == "" || accessKeySecret == "" || securityToken == "" {
		return Credentials{}, errSTSReply
	}
	return Credentials{
		AccessKeyID: accessKeyID, AccessKeySecret: accessKeySecret, SecurityToken: securityToken,
		Expires: expires, Provider: provider,
	}, nil
}
