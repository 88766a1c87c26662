package manager

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/transport"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/vpc"
	"github.com/kube-aliyun/kube-aliyun/pkg/config"
	"github.com/kube-aliyun/kube-aliyun/pkg/routes"
)

// SettingError says that a setting contradicts the cloud; only a person can
// mend that, so the process ends.
type SettingError struct{ message string }

// Error names the setting and the remedy.
func (e *SettingError) Error() string { return e.message }

// checkCloud asks the API, before the first election, whether the settings fit:
// key, region, VPC, vRouter and route tables. What may pass by itself is waited
// for, unready and with the remedy; a wrong setting is a *SettingError.
func (p *parts) checkCloud(ctx context.Context) error {
	ready := p.replica.ready
	ready.set(conditionCloud, "asking the API about the VPC")
	err := retryUnless[*SettingError](ctx, func() error {
		err := p.askCloud(ctx)
		if final := (*SettingError)(nil); err != nil && !errors.As(err, &final) && !cancelled(ctx, err) {
			err = errors.New(explain(p.replica.cfg, err))
			ready.set(conditionCloud, err.Error())
		}
		return err
	})
	if err == nil {
		ready.ok(conditionCloud)
	}
	return err
}

// askCloud makes the calls: three with routes, one without.
func (p *parts) askCloud(ctx context.Context) error {
	location := p.replica.cfg.Location
	network, err := vpc.New(p.transport).VPC(ctx, location.VPCID)
	if err != nil {
		return err
	}
	if location.VRouterID != "" && location.VRouterID != network.VRouterID {
		return &SettingError{fmt.Sprintf("--router=%s is not the vRouter of VPC %s (that is %s): correct it, or leave it out",
			location.VRouterID, network.ID, network.VRouterID)}
	}
	if p.routes == nil {
		return nil
	}
	switch err := p.routes.Check(ctx); {
	case errors.Is(err, routes.ErrUnknownTable):
		return &SettingError{err.Error()}
	case errors.Is(err, routes.ErrCollision):
		// Only Nodes that collide go without routes; the controller tells which.
		return nil
	default:
		return err
	}
}

// explain turns a refusal into what a person can do about it. Request IDs, which
// differ each time, are left out, so that a lasting reason is told once.
func explain(cfg *config.Config, err error) string {
	var refusal *apierror.Error
	if !errors.As(err, &refusal) {
		return err.Error()
	}
	said := strings.TrimSpace(refusal.Code + " " + refusal.Message)
	switch {
	case apierror.CredentialsRefused(refusal.Code):
		return refusedKey(cfg, refusal.Code)
	case strings.HasPrefix(refusal.Code, "InvalidRegionId"):
		return fmt.Sprintf("region %s is not known to the API: correct --region", cfg.Location.Region)
	case refusal.Kind == apierror.Denied:
		return fmt.Sprintf("the access key of %s may not call %s (%s): give it the policy of deploy/ram/controller.json", keyPlace(cfg), refusal.Action, said)
	case refusal.Kind == apierror.NotFound && refusal.Action == "DescribeVpcs":
		return fmt.Sprintf("VPC %s is not in region %s, or the access key may not see it: correct --vpc or --region", cfg.Location.VPCID, cfg.Location.Region)
	case refusal.Kind == apierror.Unavailable && refusal.Err != nil:
		return fmt.Sprintf("%s does not answer: %v", refusal.Product, refusal.Err)
	default:
		return fmt.Sprintf("%s: %s", refusal.Action, said)
	}
}

func refusedKey(cfg *config.Config, code string) string {
	if strings.HasPrefix(code, "InvalidSecurityToken") {
		return fmt.Sprintf("the API refuses the security token of %s (%s): get a new one, or use a source that renews itself (file, Secret, RAM role, OIDC)",
			keyPlace(cfg), code)
	}
	return fmt.Sprintf("the API refuses the access key of %s (%s): correct id and secret there", keyPlace(cfg), code)
}

// keyPlace is where a person finds the key.
func keyPlace(cfg *config.Config) string {
	c := cfg.Credentials
	switch c.Source {
	case config.SourceEnvironment:
		if c.SecurityToken != "" {
			return "ALIYUN_ACCESS_KEY, ALIYUN_ACCESS_KEY_SECRET and ALIYUN_SECURITY_TOKEN"
		}
		return "ALIYUN_ACCESS_KEY and ALIYUN_ACCESS_KEY_SECRET"
	case config.SourceFile:
		return "file " + c.File
	case config.SourceSecret:
		return "Secret " + c.SecretNamespace + "/" + c.SecretName
	case config.SourceRAMRole:
		return "the server's RAM role"
	case config.SourceOIDC:
		return "role " + c.AssumeRoleARN
	}
	return string(c.Source)
}

// refusals remembers whether the API takes the key now, as the calls show.
type refusals struct {
	mu   sync.Mutex
	code string
}

// observe implements transport.Options.Observe.
func (r *refusals) observe(a transport.Attempt) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case apierror.CredentialsRefused(a.Code):
		r.code = a.Code
	case a.Code == "OK":
		r.code = ""
	}
}

// last is the code of the refusal, or "".
func (r *refusals) last() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.code
}
