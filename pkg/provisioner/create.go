package provisioner

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
)

// tokenTries is how many disks with one token may have been deleted by others
// before a person has to look.
const tokenTries = 3

// create makes the first of the wanted disks that is to be had. An error comes
// with the state of the claim: final when no disk was made for sure.
func (p *Provisioner) create(ctx context.Context, o controller.ProvisionOptions, wanted []ecs.NewDisk) (string, controller.ProvisioningState, error) {
	var refusals []error
	for _, n := range wanted {
		id, err := p.createOne(ctx, o, n)
		switch {
		case err == nil:
			return id, "", nil
		case apierror.NotOffered(err):
			refusals = append(refusals, err)
		case unchanged(err):
			return "", p.refused(o), err
		case apierror.IsRetryable(err) && !apierror.MaybeExecuted(err) && !apierror.TokenProcessing(err):
			return "", controller.ProvisioningNoChange, err
		default:
			// The disk may have been made: the next try finds it.
			p.doubt(o.PVName)
			return "", controller.ProvisioningInBackground, err
		}
	}
	return "", p.elsewhere(o), fmt.Errorf("no disk is to be had: %w", errors.Join(refusals...))
}

// createOne makes one disk, with a token of its own when that of an earlier disk
// that is gone gives back its id.
func (p *Provisioner) createOne(ctx context.Context, o controller.ProvisionOptions, n ecs.NewDisk) (string, error) {
	for try := range tokenTries {
		n.ClientToken = token(p.ClusterID, string(o.PVC.UID), n, try)
		id, err := p.Cloud.CreateDisk(ctx, n)
		if err != nil {
			return "", err
		}
		if !p.gone(id) {
			return id, nil
		}
	}
	return "", fmt.Errorf("disk %s was deleted %d times while it was being made for the claim", n.Name, tokenTries)
}

// unchanged says whether an error is a refusal that made nothing and that only
// people can mend.
func unchanged(err error) bool {
	for _, kind := range []error{apierror.ErrQuota, apierror.ErrInvalid, apierror.ErrDenied, apierror.ErrNotFound} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// token is the same for the same disk of the same claim, of 64 characters.
func token(clusterID, claimUID string, n ecs.NewDisk, try int) string {
	n.ClientToken, n.Description = "", ""
	raw, err := json.Marshal(struct {
		Cluster, Claim string
		Disk           ecs.NewDisk
		Try            int
	}{clusterID, claimUID, n, try})
	if err != nil { // plain values always marshal
		return ""
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}
