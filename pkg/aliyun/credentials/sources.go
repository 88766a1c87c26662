package credentials

import (
	"context"
	"net/http"
	"time"

	"k8s.io/utils/clock"
)

// Static always yields the same credentials.
func Static(accessKeyID, accessKeySecret, securityToken string) Source {
	return static{Credentials{AccessKeyID: accessKeyID, AccessKeySecret: accessKeySecret, SecurityToken: securityToken, Provider: "static"}}
}

type static struct{ c Credentials }

func (s static) Get(context.Context) (Credentials, error) { return s.c, nil }

// NewFile reads path (YAML or JSON with accessKey, accessKeySecret and
// optionally securityToken), and again whenever it has changed.
func NewFile(path string) *File { return &File{path: path} }

// File is a Source backed by a file.
type File struct{ path string }

// Get implements Source.
func (f *File) Get(context.Context) (Credentials, error) { return Credentials{}, ErrUnavailable }

// NewPushed returns a source that yields what was last pushed into it, and an
// error that holds the reason while it is absent.
func NewPushed(name string) *Pushed { return &Pushed{name: name} }

// Pushed is a Source that others fill, for example from a watched Secret.
type Pushed struct{ name string }

// Update makes the pair current.
func (p *Pushed) Update(accessKeyID, accessKeySecret, securityToken string) {}

// Absent makes the source unavailable, for a reason a person can act on.
func (p *Pushed) Absent(reason string) {}

// Get implements Source.
func (p *Pushed) Get(context.Context) (Credentials, error) { return Credentials{}, ErrUnavailable }

// RoleMetadata is the part of the metadata client that RAMRole needs.
type RoleMetadata interface {
	RAMRoleName(ctx context.Context) (string, error)
	RoleCredentials(ctx context.Context, role string) (RoleDocument, error)
}

// RoleDocument is the credential document of a server's RAM role.
type RoleDocument struct {
	AccessKeyID, AccessKeySecret, SecurityToken string
	Expiration                                  time.Time
}

// NewRAMRole yields the credentials of the server's RAM role; role may be
// empty, then the one attached role is looked up.
func NewRAMRole(metadata RoleMetadata, role string) Source { return nil }

// OIDCOptions configure NewOIDC.
type OIDCOptions struct {
	RoleARN, ProviderARN, TokenFile string
	// SessionName defaults to kube-aliyun.
	SessionName string
	// Endpoint is the STS host[:port] or URL.
	Endpoint string
	// Duration of a token; 0 means one hour.
	Duration time.Duration
	// Client defaults to one with bounded time-outs, no redirects.
	Client *http.Client
}

// NewOIDC exchanges the token of a Kubernetes service account for credentials (RRSA).
func NewOIDC(opts OIDCOptions) (Source, error) { return nil, nil }

// Role is a role to assume.
type Role struct {
	ARN, SessionName, ExternalID string
	// Duration of a token; 0 means one hour.
	Duration time.Duration
}

// Assumer makes the AssumeRole call; transport.NewAssumer provides one.
type Assumer interface {
	AssumeRole(ctx context.Context, role Role) (Credentials, error)
}

// NewAssumedRole yields credentials of role, obtained through assumer.
func NewAssumedRole(assumer Assumer, role Role) Source { return nil }

// NewRefreshing keeps what source yields until shortly before it expires, and
// survives the source's failures as long as the old credentials are valid.
func NewRefreshing(source Source, clk clock.Clock) *Refreshing { return &Refreshing{} }

// Refreshing is a Source that remembers.
type Refreshing struct{}

// Get implements Source.
func (r *Refreshing) Get(context.Context) (Credentials, error) { return Credentials{}, ErrUnavailable }

// Invalidate implements Invalidator.
func (r *Refreshing) Invalidate(Credentials) {}
