package transport

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/sts"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/credentials"
)

// assumer calls AssumeRole through a transport that signs with the
// credentials that may assume the role.
type assumer struct{ doer Doer }

// NewAssumer returns what credentials.NewAssumedRole calls STS with. doer signs
// with the credentials that are allowed to assume the role.
func NewAssumer(doer Doer) credentials.Assumer { return assumer{doer: doer} }

// AssumeRole implements credentials.Assumer.
func (a assumer) AssumeRole(ctx context.Context, role credentials.Role) (credentials.Credentials, error) {
	request := sts.CreateAssumeRoleRequest()
	request.RoleArn = role.ARN
	request.RoleSessionName = role.SessionName
	request.ExternalId = role.ExternalID
	request.DurationSeconds = requests.Integer(strconv.Itoa(int(role.Duration.Seconds())))
	response := sts.CreateAssumeRoleResponse()
	// Not mutating: the replica that may not write needs credentials as well.
	err := a.doer.Do(ctx, Call{Product: Sts, Request: request, Response: response, Repeatable: true})
	if err != nil {
		return credentials.Credentials{}, err //nolint:wrapcheck // names product and action
	}
	c := response.Credentials
	fresh, err := credentials.FromSTS(c.AccessKeyId, c.AccessKeySecret, c.SecurityToken, c.Expiration, "assumed-role")
	if err != nil {
		return credentials.Credentials{}, fmt.Errorf("Sts.AssumeRole, request ID %s: %w", response.RequestId, err)
	}
	return fresh, nil
}

// EndpointURL returns where the product's requests go with these options:
// the OIDC source, which does not sign, needs that of STS.
func EndpointURL(opts Options, product Product) (string, error) {
	hosts, err := endpoints(opts.withDefaults())
	if err != nil {
		return "", err
	}
	e, ok := hosts[product]
	if !ok {
		return "", fmt.Errorf("unknown product %q", product)
	}
	return (&url.URL{Scheme: strings.ToLower(e.scheme), Host: e.host}).String(), nil
}
