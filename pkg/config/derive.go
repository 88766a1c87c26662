package config

import (
	"errors"
	"fmt"
)

// derive fills what follows from other settings and checks what only the whole
// can tell. It returns a problem for each contradiction.
func (c *Config) derive() []error {
	var problems []error
	cr := &c.Credentials
	if (cr.AccessKeyID == "") != (cr.AccessKeySecret == "") {
		problems = append(problems, errHalfKey)
	}
	if cr.Source == "" {
		cr.Source = cr.guess()
	}
	switch cr.Source {
	case SourceEnvironment:
		if cr.AccessKeyID == "" && cr.AccessKeySecret == "" {
			problems = append(problems, errors.New("--credentials=environment, but ALIYUN_ACCESS_KEY and ALIYUN_ACCESS_KEY_SECRET are not set"))
		}
	case SourceFile:
		if cr.File == "" {
			problems = append(problems, errors.New("--credentials=file needs --credentials-file"))
		}
	case SourceOIDC:
		for _, need := range []struct{ flag, value string }{
			{"--assume-role-arn", cr.AssumeRoleARN}, {"--oidc-provider-arn", cr.OIDCProviderARN}, {"--oidc-token-file", cr.OIDCTokenFile},
		} {
			if need.value == "" {
				problems = append(problems, fmt.Errorf("--credentials=oidc needs %s", need.flag))
			}
		}
	case SourceRAMRole:
		if c.Endpoints.Metadata == MetadataNone {
			problems = append(problems, errors.New("--credentials=ram-role needs the metadata service, but --metadata-endpoint=none"))
		}
	case SourceSecret:
	}
	lb := c.LoadBalancer
	if lb.InstanceChargeType == "PayByCLCU" && lb.InternetChargeType == "paybybandwidth" {
		problems = append(problems, errors.New(
			"--load-balancer-internet-charge-type=paybybandwidth needs --load-balancer-instance-charge-type=PayBySpec: PayByCLCU is billed by traffic only"))
	}
	if lb.AddressType == "internet" && !lb.AllowInternet {
		problems = append(problems, errors.New(
			"--allow-internet=false needs --load-balancer-address-type=intranet, or every Service without an annotation would be refused"))
	}
	return problems
}

// MetadataNone is the metadata endpoint that turns the service off.
const MetadataNone = "none"

// guess picks the source that the given values speak of.
func (cr *Credentials) guess() CredentialSource {
	switch {
	case cr.AccessKeyID != "":
		return SourceEnvironment
	case cr.File != "":
		return SourceFile
	case cr.OIDCTokenFile != "" && cr.OIDCProviderARN != "":
		return SourceOIDC
	case cr.RAMRole != "":
		return SourceRAMRole
	default:
		return SourceSecret
	}
}
