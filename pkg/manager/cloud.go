package manager

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/component-base/version"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/credentials"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/metadata"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/transport"
	"github.com/kube-aliyun/kube-aliyun/pkg/config"
)

// How often a start that waits for something tries again, at first and at most.
const (
	retryFirst = time.Second
	retryMost  = 15 * time.Second
	// credentialsCheck is how often readiness looks at the credentials in hand.
	credentialsCheck = 5 * time.Second
)

// newMetadata returns the metadata client, or nil when the service is off.
func newMetadata(cfg *config.Config) (*metadata.Client, error) {
	if cfg.Endpoints.Metadata == config.MetadataNone {
		return nil, nil
	}
	client, err := metadata.New(metadata.Options{BaseURL: cfg.Endpoints.Metadata})
	if err != nil {
		return nil, fmt.Errorf("--metadata-endpoint: %w", err)
	}
	return client, nil
}

// completeLocation asks the metadata service until region and VPC are known.
// It never ends the process: the service may be late.
func completeLocation(ctx context.Context, cfg *config.Config, md *metadata.Client, ready *readiness) error {
	var source config.Metadata
	if md != nil {
		source = md
	}
	return retry(ctx, func() error {
		err := cfg.Location.Complete(ctx, source)
		if err != nil {
			ready.set(conditionLocation, err.Error())
			return err
		}
		ready.ok(conditionLocation)
		return nil
	})
}

// newCredentials makes the configured source. The region must be known.
func (r *replica) newCredentials(ctx context.Context, md *metadata.Client, client kubernetes.Interface) (credentials.Source, error) {
	c := r.cfg.Credentials
	switch c.Source {
	case config.SourceEnvironment:
		return credentials.Static(c.AccessKeyID, string(c.AccessKeySecret), string(c.SecurityToken)), nil
	case config.SourceFile:
		return credentials.NewFile(c.File), nil
	case config.SourceSecret:
		pushed := credentials.NewPushed("Secret " + c.SecretNamespace + "/" + c.SecretName)
		if err := watchSecret(ctx, client, c.SecretNamespace, c.SecretName, pushed); err != nil {
			return nil, err
		}
		return pushed, nil
	case config.SourceRAMRole:
		return credentials.NewRefreshing(credentials.NewRAMRole(md, c.RAMRole), clock.RealClock{}), nil
	case config.SourceOIDC:
		endpoint, err := transport.EndpointURL(transportOptions(r.cfg), transport.Sts)
		if err != nil {
			return nil, fmt.Errorf("endpoint of STS: %w", err)
		}
		source, err := credentials.NewOIDC(credentials.OIDCOptions{
			RoleARN: c.AssumeRoleARN, ProviderARN: c.OIDCProviderARN, TokenFile: c.OIDCTokenFile, Endpoint: endpoint,
		})
		if err != nil {
			return nil, fmt.Errorf("credentials by OIDC: %w", err)
		}
		return credentials.NewRefreshing(source, clock.RealClock{}), nil
	default:
		return nil, fmt.Errorf("unknown source of credentials %q", c.Source)
	}
}

// assumeRole puts the role of --assume-role-arn on top of a source.
func assumeRole(cfg *config.Config, source credentials.Source, opts transport.Options) (credentials.Source, error) {
	arn := cfg.Credentials.AssumeRoleARN
	if arn == "" || cfg.Credentials.Source == config.SourceOIDC {
		return source, nil
	}
	opts.Credentials = source
	sts, err := transport.New(opts)
	if err != nil {
		return nil, fmt.Errorf("transport to STS: %w", err)
	}
	assumed := credentials.NewAssumedRole(transport.NewAssumer(sts), credentials.Role{ARN: arn})
	return credentials.NewRefreshing(assumed, clock.RealClock{}), nil
}

// newTransport makes the one pipeline of all API calls.
func newTransport(cfg *config.Config, source credentials.Source, fence func() error, refused *refusals) (*transport.Transport, credentials.Source, error) {
	opts := transportOptions(cfg)
	opts.Fence, opts.Observe = fence, refused.observe
	source, err := assumeRole(cfg, source, opts)
	if err != nil {
		return nil, nil, err
	}
	opts.Credentials = source
	t, err := transport.New(opts)
	if err != nil {
		return nil, nil, fmt.Errorf("transport: %w", err)
	}
	return t, source, nil
}

// transportOptions are the options that follow from the settings.
func transportOptions(cfg *config.Config) transport.Options {
	return transport.Options{
		Region: cfg.Location.Region,
		Endpoints: map[transport.Product]string{
			transport.Ecs: cfg.Endpoints.ECS, transport.Vpc: cfg.Endpoints.VPC, transport.Slb: cfg.Endpoints.SLB, transport.Sts: cfg.Endpoints.STS,
		},
		Network:           cfg.Endpoints.Network,
		InsecureEndpoints: cfg.Endpoints.Insecure,
		Grace:             shutdownGrace,
		UserAgent:         "kube-aliyun/" + version.Get().GitVersion,
	}
}

// watchCredentials keeps readiness in step with the credentials, and closes the
// returned channel when there are some for the first time.
func watchCredentials(ctx context.Context, source credentials.Source, ready *readiness, refusal func() string) <-chan struct{} {
	first := make(chan struct{})
	check := func() error {
		_, err := source.Get(ctx)
		if err == nil {
			if reason := refusal(); reason != "" {
				err = errors.New(reason)
			}
		}
		if err != nil && !cancelled(ctx, err) {
			ready.set(conditionCredentials, err.Error())
			return err
		}
		ready.ok(conditionCredentials)
		return nil
	}
	go func() {
		if retryEvery(ctx, retryFirst, retryFirst, check) != nil {
			return
		}
		close(first)
		ticker := time.NewTicker(credentialsCheck)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				if err := check(); err != nil {
					klog.FromContext(ctx).V(2).Info("No usable credentials", "reason", err.Error())
				}
			}
		}
	}()
	return first
}

// retryUnless is retry that gives up on errors of one type.
func retryUnless[E error](ctx context.Context, f func() error) error {
	var final error
	err := retry(ctx, func() error {
		err := f()
		var fatal E
		if errors.As(err, &fatal) {
			final = err
			return nil
		}
		return err
	})
	return errors.Join(final, err)
}

// retry calls f until it succeeds or ctx ends, with growing pauses.
func retry(ctx context.Context, f func() error) error {
	return retryEvery(ctx, retryFirst, retryMost, f)
}

func retryEvery(ctx context.Context, pause, most time.Duration, f func() error) error {
	logged := ""
	for {
		err := f()
		if err == nil {
			return nil
		}
		if text := err.Error(); text != logged {
			klog.FromContext(ctx).Info("Waiting", "reason", text)
			logged = text
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
		pause = min(2*pause, most)
	}
}
