package journal

import (
	"strings"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// protocol parameters tell nothing about the call; some are secret.
var protocol = map[string]bool{
	"AccessKeyId": true, "Action": true, "BearerToken": true, "Format": true, "RegionId": true,
	"SecurityToken": true, "Signature": true, "SignatureMethod": true, "SignatureNonce": true,
	"SignatureType": true, "SignatureVersion": true, "Timestamp": true, "Version": true,
}

// secret parameters are shown as redacted.
var secret = []string{"password", "privatekey", "userdata", "oidctoken", "accesskeysecret"}

// Redacted stands for the value of a secret parameter.
const Redacted = "(redacted)"

// Public returns the operation's own parameters without secrets.
func Public(p api.Params) map[string]string {
	out := make(map[string]string, len(p))
	for name, value := range p {
		switch {
		case protocol[name]:
		case isSecret(name):
			out[name] = Redacted
		default:
			out[name] = value
		}
	}
	return out
}

func isSecret(name string) bool {
	lower := strings.ToLower(name)
	for _, s := range secret {
		if strings.Contains(lower, s) {
			return true
		}
	}
	return false
}
