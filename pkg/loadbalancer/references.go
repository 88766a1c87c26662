package loadbalancer

import (
	"context"
	"errors"
	"fmt"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/build"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/reference"
)

// newChecker returns the one checker of all Services.
func newChecker(options Options, policy reference.Policy) *reference.Checker {
	return reference.New(reference.Options{
		Policy: policy,
		Lists: map[reference.Kind]reference.List{
			reference.ACL: func(ctx context.Context) ([]reference.Object, error) {
				lists, err := options.Cloud.ACLs(ctx, slb.ACLFilter{})
				out := make([]reference.Object, 0, len(lists))
				for _, a := range lists {
					out = append(out, reference.Object{ID: a.ID, Tags: a.Tags})
				}
				return out, err
			},
			reference.Certificate: func(ctx context.Context) ([]reference.Object, error) {
				all, err := options.Cloud.Certificates(ctx)
				out := make([]reference.Object, 0, len(all))
				for _, c := range all {
					out = append(out, reference.Object{ID: c.ID, Tags: c.Tags, Expires: c.Expires})
				}
				return out, err
			},
		},
		Period: options.Settings.AuditPeriod, Clock: options.Clock,
	})
}

// mayName returns *build.RefusedError when the Service names objects that do not
// exist, or that it may not name. A Service that names none costs no call.
func (b *Balancers) mayName(ctx context.Context, w build.Wanted) error {
	if len(w.References) == 0 {
		return nil
	}
	problems, err := b.checker.Check(ctx, w.Service.Namespace, w.References)
	if err != nil {
		return fmt.Errorf("check what the Service names: %w", err)
	}
	if len(problems) > 0 {
		return &build.RefusedError{Problems: problems}
	}
	return nil
}

// refusedReference drops what is known of the named objects of a kind when the API
// says that one of them does not exist: the next reading tells which.
func (b *Balancers) refusedReference(ctx context.Context, err error) {
	if !errors.Is(err, apierror.ErrNotFound) {
		return
	}
	switch apierror.CodeOf(err) {
	case "AclNotExist":
		b.checker.Forget(ctx, reference.ACL)
	case "ServerCertificateId.NotFound", "CertificateNotExist":
		b.checker.Forget(ctx, reference.Certificate)
	}
}
