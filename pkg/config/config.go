// Package config makes one typed configuration out of flags, environment,
// a file and the metadata service, in this order of precedence, and reports
// every problem of it at once.
package config

import "time"

// Config is what the operator decided, complete and valid.
type Config struct {
	Location     Location
	Cluster      Cluster
	Credentials  Credentials
	Endpoints    Endpoints
	Routes       Routes
	LoadBalancer LoadBalancer
	Volumes      Volumes
	// APIHealthAddress is where the API server's readiness is told in the clear;
	// nowhere when empty.
	APIHealthAddress string
	// PublishNodeShards publishes the Nodes for hostroutes on large clusters.
	PublishNodeShards bool
	// NodeSignerSecret is the Secret of kube-system with the authority that signs
	// the certificates of joining Nodes; nobody signs when empty.
	NodeSignerSecret string
	// DryRun prints plans and writes nothing, neither to the cloud nor to Kubernetes.
	DryRun bool
}

// Location says where in the cloud the cluster lives.
type Location struct {
	Region string
	VPCID  string
	// VRouterID is checked against the VPC when it is given; nothing else needs it.
	VRouterID string
	// VSwitchIDs are where intranet load balancers get their addresses, in order
	// of preference.
	VSwitchIDs []string
	Zone       string
	// NodeNameType says what Node names are.
	NodeNameType NodeNameType
}

// NodeNameType says what the name of a Node is.
type NodeNameType string

// The types of Node names.
const (
	// PrivateIP is a server's primary private address.
	PrivateIP NodeNameType = "private-ip"
	// Hostname is a server's host name: only then the whole VPC may be listed to
	// find a server by its name.
	Hostname NodeNameType = "hostname"
)

// Cluster identifies the cluster among others of the same account.
type Cluster struct {
	// ID is empty when the UID of the kube-system namespace is to be used.
	ID string
}

// CredentialSource says where keys come from.
type CredentialSource string

// The sources of credentials.
const (
	// SourceEnvironment takes a key (and token) from environment variables.
	SourceEnvironment CredentialSource = "environment"
	// SourceFile takes a key from a file, which is read again when it changes.
	SourceFile CredentialSource = "file"
	// SourceSecret takes a key from a Secret, watched through the Kubernetes API.
	SourceSecret CredentialSource = "secret"
	// SourceRAMRole asks the metadata service for the role of the server.
	SourceRAMRole CredentialSource = "ram-role"
	// SourceOIDC exchanges a service account token at STS (RRSA).
	SourceOIDC CredentialSource = "oidc"
)

// Credentials says where keys come from. Secrets in here never print.
type Credentials struct {
	Source          CredentialSource
	AccessKeyID     string
	AccessKeySecret Secret
	SecurityToken   Secret
	File            string
	SecretNamespace string
	SecretName      string
	// RAMRole is the role's name; empty asks the metadata service for it.
	RAMRole string
	// AssumeRoleARN is a role to assume on top of the source, or empty; it is the
	// role itself for SourceOIDC.
	AssumeRoleARN   string
	OIDCProviderARN string
	OIDCTokenFile   string
}

// Secret is a text that never prints.
type Secret string

// String hides the text.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "[hidden]"
}

// GoString hides the text.
func (s Secret) GoString() string { return s.String() }

// MarshalText hides the text.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Endpoints says where the cloud's services answer.
type Endpoints struct {
	// ECS, VPC, SLB and STS are host[:port] or a URL; empty is the vendor's.
	ECS, VPC, SLB, STS string
	// Network picks the vendor's endpoints: vpc or public.
	Network string
	// Insecure allows http to others than loopback.
	Insecure bool
	// Metadata is the base URL of the metadata service; "none" turns it off.
	Metadata string
}

// Routes are the settings of Pod routes.
type Routes struct {
	// TableIDs are the route tables to write; empty finds those of the cluster's
	// servers by their vSwitches.
	TableIDs []string
	// KeepSourceDestCheck leaves the source/destination check of interfaces alone.
	KeepSourceDestCheck bool
	// DeleteUnmarked removes unmarked routes in the cluster CIDR that no Node has.
	DeleteUnmarked bool
}

// LoadBalancer are the cluster-wide settings of load balancers.
type LoadBalancer struct {
	BackendsPerLoadBalancer int
	AttachmentsPerServer    int
	AllowInternet           bool
	AddressType             string
	InstanceChargeType      string
	InternetChargeType      string
	Spec                    string
	DeleteProtection        bool
	ConsoleProtection       bool
	// BackendType is ecs or eni: the backends of an IPv4 Service that says nothing.
	BackendType string
	// HealthCheckPort is kube-proxy's healthz port.
	HealthCheckPort int
	AuditPeriod     time.Duration
	// DeleteOrphans deletes load balancers of this cluster whose Service is proven
	// gone; they are only reported otherwise.
	DeleteOrphans   bool
	ResourceGroupID string
	// UntaggedReferences is allow or deny: whether Services may name objects that
	// carry no allow tag.
	UntaggedReferences string
	// APIEndpoints are addresses and host names of the load balancer in front of the
	// API server, beside that in the kubeconfig.
	APIEndpoints []string
	// AnnotationPolicy says which annotations namespaces may use; nil: all.
	AnnotationPolicy AnnotationPolicy
}
