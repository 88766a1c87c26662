package credentials

import "context"

// Static always yields the same credentials; securityToken may be empty.
func Static(accessKeyID, accessKeySecret, securityToken string) Source {
	return static{Credentials{
		AccessKeyID: accessKeyID, AccessKeySecret: accessKeySecret, SecurityToken: securityToken, Provider: "static",
	}}
}

type static struct{ current Credentials }

// Get implements Source.
func (s static) Get(context.Context) (Credentials, error) { return s.current, nil }
