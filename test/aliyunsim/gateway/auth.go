package gateway

import (
	"net/http"
	"strings"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/ram"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/signature"
)

// timestampLayout is ISO 8601 in UTC, to the second.
const timestampLayout = "2006-01-02T15:04:05Z"

// authenticate finds out who signed the request.
func (x *exchange) authenticate() (ram.Caller, *api.Error) {
	if x.action.Unsigned && !x.params.Has(signature.Parameter) {
		return ram.Caller{}, nil
	}
	for _, name := range []string{"AccessKeyId", signature.Parameter, "SignatureMethod", "SignatureNonce", "SignatureVersion", "Timestamp"} {
		if x.params[name] == "" {
			return ram.Caller{}, api.Errorf(http.StatusBadRequest, "IncompleteSignature",
				"The request signature does not conform to Aliyun standards: %s is missing.", name)
		}
	}
	if m, v := x.params["SignatureMethod"], x.params["SignatureVersion"]; m != "HMAC-SHA1" || v != "1.0" {
		return ram.Caller{}, api.Errorf(http.StatusBadRequest, "IncompleteSignature",
			"The request signature does not conform to Aliyun standards: method %q, version %q.", m, v)
	}
	caller, known := x.g.identities.Caller(x.params["AccessKeyId"])
	if !known {
		return ram.Caller{}, api.Errorf(http.StatusNotFound, "InvalidAccessKeyId.NotFound", "Specified access key is not found.")
	}
	if caller.Inactive {
		return ram.Caller{}, api.Errorf(http.StatusBadRequest, "InvalidAccessKeyId.Inactive", "Specified access key is disabled.")
	}
	if err := x.fresh(); err != nil {
		return ram.Caller{}, err
	}
	if err := x.token(caller); err != nil {
		return ram.Caller{}, err
	}
	text := signature.StringToSign(x.r.Method, x.params)
	if !signature.Valid(caller.Secret, text, x.params[signature.Parameter]) {
		return ram.Caller{}, api.Errorf(http.StatusBadRequest, "SignatureDoesNotMatch",
			"Specified signature is not matched with our calculation. server string to sign is:%s", text)
	}
	if !x.g.nonces.use(caller.KeyID+"/"+x.params["SignatureNonce"], x.g.wallTime(), x.knobs.TimestampWindow) {
		return ram.Caller{}, api.Errorf(http.StatusBadRequest, "SignatureNonceUsed", "Specified signature nonce was used already.")
	}
	return caller, nil
}

// fresh checks the time stamp, against real time: clients know no other.
func (x *exchange) fresh() *api.Error {
	at, err := time.Parse(timestampLayout, x.params["Timestamp"])
	if err != nil {
		return api.Errorf(http.StatusBadRequest, "InvalidTimeStamp.Format", "Specified time stamp or date value is not well formatted.")
	}
	if x.g.wallTime().Sub(at).Abs() > x.knobs.TimestampWindow {
		return api.Errorf(http.StatusBadRequest, "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.")
	}
	return nil
}

// token checks that the security token is the key's, and alive.
func (x *exchange) token(caller ram.Caller) *api.Error {
	given := x.params["SecurityToken"]
	switch {
	case given == caller.Token:
		if given != "" && !x.g.clock.Now().Before(caller.Expires) {
			return api.Errorf(http.StatusBadRequest, "InvalidSecurityToken.Expired", "Specified SecurityToken is expired.")
		}
		return nil
	case given == "":
		return api.Errorf(http.StatusBadRequest, "MissingSecurityToken", "SecurityToken is mandatory for this action.")
	case x.g.identities.KnowsToken(given):
		return api.Errorf(http.StatusBadRequest, "InvalidSecurityToken.MismatchWithAccessKey",
			"Specified SecurityToken mismatch with the AccessKey.")
	default:
		return api.Errorf(http.StatusBadRequest, "InvalidSecurityToken.Malformed", "Specified SecurityToken is malformed.")
	}
}

// ruleName is the action as policies name it.
func ruleName(product api.Product, action string) string {
	return strings.ToLower(string(product)) + ":" + action
}

// authorise asks the caller's policies. GetCallerIdentity needs no right.
func (x *exchange) authorise(caller ram.Caller) *failure {
	if x.action.Unsigned || x.action.Name == "GetCallerIdentity" {
		return nil
	}
	verdict := caller.May(x.action.rule)
	if verdict == ram.Allow {
		return nil
	}
	return &failure{
		Error: api.Errorf(http.StatusForbidden, "Forbidden.RAM",
			"User not authorized to operate on the specified resource, or this API doesn't support RAM."),
		denied: &deniedDetail{
			AuthAction: x.action.rule, AuthPrincipalDisplayName: caller.ARN, AuthPrincipalOwnerId: caller.Account,
			AuthPrincipalType: caller.Type, NoPermissionType: verdict.String(), PolicyType: "AccountLevelIdentityBasedPolicy",
		},
	}
}

// denied answers a caller without the right: 403, or for DescribeInstances, when
// the region is set so, an empty list.
func (x *exchange) denied(f *failure) answer {
	if x.product != api.ECS || x.action.Name != "DescribeInstances" {
		return answer{failure: f}
	}
	x.g.lock.Lock()
	empty := x.g.regionKnobs.EmptyListWithoutPermission
	x.g.lock.Unlock()
	if !empty {
		return answer{failure: f}
	}
	return answer{body: []byte(`{"Instances":{"Instance":[]},"NextToken":"","PageNumber":1,"PageSize":10,"TotalCount":0}`)}
}
