package credentials

// Environment is what the process environment says about credentials.
type Environment struct {
	AccessKeyID, AccessKeySecret, SecurityToken string
	RoleARN, OIDCProviderARN, OIDCTokenFile     string
	// Names lists the variables that were set, in the order they are documented.
	Names []string
	// Problems lists contradictions and halves, one sentence each, without values.
	Problems []string
}

// FromEnvironment reads the documented variables through lookup (os.LookupEnv).
func FromEnvironment(lookup func(string) (string, bool)) Environment {
	_ = lookup
	return Environment{}
}
