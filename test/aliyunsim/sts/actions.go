package sts

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/ram"
)

const (
	minSession     = 900
	defaultSession = 3600
)

var sessionName = regexp.MustCompile(`^[A-Za-z0-9.@_-]{2,64}$`)

func (p *Product) assumeRole(c *api.Call) (api.Reply, *api.Error) {
	role, err := p.role(c)
	if err != nil {
		return nil, err
	}
	if role.DenyAssume {
		return nil, api.Errorf(http.StatusForbidden, "NoPermission",
			"You are not authorized to do this action. You should be authorized by RAM.")
	}
	return p.credentials(c, role)
}

func (p *Product) assumeRoleWithOIDC(c *api.Call) (api.Reply, *api.Error) {
	role, err := p.role(c)
	if err != nil {
		return nil, err
	}
	claims, err := p.claims(c)
	if err != nil {
		return nil, err
	}
	if role.DenyAssume || role.OIDCProvider != "" && role.OIDCProvider != c.Params["OIDCProviderArn"] {
		return nil, api.Errorf(http.StatusForbidden, "AuthenticationFail.NoPermission",
			"This operation is not permitted by the trust policy of the role.")
	}
	reply, err := p.credentials(c, role)
	if err != nil {
		return nil, err
	}
	reply["OIDCTokenInfo"] = api.Reply{
		"Subject": claims.Subject, "Issuer": claims.Issuer, "ClientIds": strings.Join(claims.Audience, ","),
		"ExpirationTime": p.Expiration(time.Unix(claims.Expires, 0)), "VerificationInfo": "Success",
	}
	return reply, nil
}

func (p *Product) getCallerIdentity(c *api.Call) (api.Reply, *api.Error) {
	caller, ok := p.identities.Caller(c.Params["AccessKeyId"])
	if !ok {
		return nil, api.Errorf(http.StatusNotFound, "InvalidAccessKeyId.NotFound", "Specified access key is not found.")
	}
	return api.Reply{
		"AccountId": caller.Account, "Arn": caller.ARN, "PrincipalId": caller.ID, "UserId": caller.ID, "IdentityType": caller.Type,
	}, nil
}

// role finds the role that a request names.
func (p *Product) role(c *api.Call) (ram.Role, *api.Error) {
	if name := c.Params["RoleSessionName"]; !sessionName.MatchString(name) {
		return ram.Role{}, api.Errorf(http.StatusBadRequest, "InvalidParameter.RoleSessionName",
			"The parameter RoleSessionName is wrongly formed.")
	}
	owner, name, ok := strings.Cut(c.Params["RoleArn"], ":role/")
	if !ok || !strings.HasPrefix(owner, "acs:ram::") {
		return ram.Role{}, api.Errorf(http.StatusBadRequest, "InvalidParameter.RoleArn", "The parameter RoleArn is wrongly formed.")
	}
	role, ok := p.identities.Role(name)
	if !ok || owner != "acs:ram::"+p.account {
		return ram.Role{}, api.Errorf(http.StatusNotFound, "EntityNotExist.Role", "The role not exists: %s.", c.Params["RoleArn"])
	}
	return role, nil
}

// credentials issues the session that a request asks for.
func (p *Product) credentials(c *api.Call, role ram.Role) (api.Reply, *api.Error) {
	seconds, err := c.Params.Int("DurationSeconds", defaultSession)
	if err != nil {
		return nil, err
	}
	longest := role.MaxSession
	if longest == 0 {
		longest = defaultSession
	}
	if seconds < minSession || seconds > longest {
		return nil, api.Errorf(http.StatusBadRequest, "InvalidParameter.DurationSeconds",
			"The Min/Max value of DurationSeconds is %d/%d.", minSession, longest)
	}
	var limit *ram.Policy
	if document := c.Params["Policy"]; document != "" {
		parsed, err := ram.ParsePolicy(document)
		if err != nil {
			return nil, api.Errorf(http.StatusBadRequest, "InvalidParameter.PolicyGrammar", "The policy is wrongly formed: %v", err)
		}
		limit = &parsed
	}
	name := c.Params["RoleSessionName"]
	s, issueErr := p.Issue(c.Now, role.Name, name, time.Duration(seconds)*time.Second, limit)
	if issueErr != nil {
		return nil, api.Errorf(http.StatusInternalServerError, "InternalError", "%v", issueErr)
	}
	return api.Reply{
		"AssumedRoleUser": api.Reply{
			"Arn":           "acs:ram::" + p.account + ":assumed-role/" + role.Name + "/" + name,
			"AssumedRoleId": "3" + p.account + ":" + name,
		},
		"Credentials": api.Reply{
			"AccessKeyId": s.KeyID, "AccessKeySecret": s.Secret, "SecurityToken": s.Token, "Expiration": p.Expiration(s.Expires),
		},
	}, nil
}

// claims are what the simulator reads of an OIDC token; it trusts every issuer.
type claims struct {
	Subject  string   `json:"sub"`
	Issuer   string   `json:"iss"`
	Audience audience `json:"aud"`
	Expires  int64    `json:"exp"`
}

// audience is a string or a list of them.
type audience []string

func (a *audience) UnmarshalJSON(raw []byte) error {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(raw, (*[]string)(a))
}

func (p *Product) claims(c *api.Call) (claims, *api.Error) {
	var out claims
	parts := strings.Split(c.Params["OIDCToken"], ".")
	if len(parts) == 3 {
		if raw, err := base64.RawURLEncoding.DecodeString(parts[1]); err == nil && json.Unmarshal(raw, &out) == nil {
			if out.Expires != 0 && out.Expires <= p.wall(c.Now).Unix() {
				return out, api.Errorf(http.StatusBadRequest, "AuthenticationFail.OIDCToken.Expired", "The OIDC Token has expired.")
			}
			return out, nil
		}
	}
	return out, api.Errorf(http.StatusBadRequest, "AuthenticationFail.OIDCToken.Invalid", "The OIDC Token is invalid.")
}
