package credentials

import (
	"context"
	"fmt"
	"time"
)

// RoleMetadata is the part of the metadata service that NewRAMRole needs.
type RoleMetadata interface {
	RAMRoleName(ctx context.Context) (string, error)
	RoleCredentials(ctx context.Context, role string) (RoleDocument, error)
}

// RoleDocument is the credential document of a server's RAM role.
type RoleDocument struct {
	AccessKeyID, AccessKeySecret, SecurityToken string
	Expiration                                  time.Time
}

type ramRole struct {
	metadata RoleMetadata
	role     string
}

// NewRAMRole yields the credentials of the server's RAM role. An empty role
// takes the one that is attached. It remembers nothing; see NewRefreshing.
func NewRAMRole(metadata RoleMetadata, role string) Source {
	return &ramRole{metadata: metadata, role: role}
}

// Get implements Source.
func (r *ramRole) Get(ctx context.Context) (Credentials, error) {
	role := r.role
	if role == "" {
		name, err := r.metadata.RAMRoleName(ctx)
		if err != nil {
			return Credentials{}, fmt.Errorf("RAM role of this server: %w", err)
		}
		role = name
	}
	doc, err := r.metadata.RoleCredentials(ctx, role)
	if err != nil {
		return Credentials{}, fmt.Errorf("credentials of RAM role %s: %w", role, err)
	}
	return Credentials{
		AccessKeyID: doc.AccessKeyID, AccessKeySecret: doc.AccessKeySecret, SecurityToken: doc.SecurityToken,
		Expires: doc.Expiration, Provider: "ram-role",
	}, nil
}

// String names the source in messages.
func (r *ramRole) String() string {
	if r.role == "" {
		return "the server's RAM role"
	}
	return "RAM role " + r.role
}

// Role is a role to assume.
type Role struct {
	ARN string
	// SessionName defaults to kube-aliyun.
	SessionName string
	ExternalID  string
	// Duration of the credentials; default one hour.
	Duration time.Duration
}

const (
	defaultSessionName = "kube-aliyun"
	defaultDuration    = time.Hour
)

// WithDefaults fills in what may be left out.
func (r Role) WithDefaults() Role {
	if r.SessionName == "" {
		r.SessionName = defaultSessionName
	}
	if r.Duration == 0 {
		r.Duration = defaultDuration
	}
	return r
}

// Assumer makes the AssumeRole call, signed with other credentials.
type Assumer interface {
	AssumeRole(ctx context.Context, role Role) (Credentials, error)
}

type assumedRole struct {
	assumer Assumer
	role    Role
}

// NewAssumedRole yields the credentials of role, obtained through assumer. It
// remembers nothing; see NewRefreshing.
func NewAssumedRole(assumer Assumer, role Role) Source {
	return &assumedRole{assumer: assumer, role: role.WithDefaults()}
}

// Get implements Source.
func (a *assumedRole) Get(ctx context.Context) (Credentials, error) {
	c, err := a.assumer.AssumeRole(ctx, a.role)
	if err != nil {
		return Credentials{}, fmt.Errorf("assuming role %s: %w", a.role.ARN, err)
	}
	return c, nil
}

// String names the source in messages.
func (a *assumedRole) String() string { return "assumed role " + a.role.ARN }
