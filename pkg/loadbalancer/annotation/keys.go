package annotation

// Key is the canonical suffix of an annotation and its identity.
type Key string

// The instance's annotations.
const (
	Name                   Key = "name"
	AddressType            Key = "address-type"
	NetworkType            Key = "network-type"
	VSwitchID              Key = "vswitch-id"
	IP                     Key = "ip"
	IPVersion              Key = "ip-version"
	MasterZone             Key = "master-zoneid"
	SlaveZone              Key = "slave-zoneid"
	InstanceChargeType     Key = "instance-charge-type"
	InternetChargeType     Key = "charge-type"
	Bandwidth              Key = "bandwidth"
	Spec                   Key = "spec"
	ResourceGroupID        Key = "resource-group-id"
	AdditionalTags         Key = "additional-resource-tags"
	DeleteProtection       Key = "delete-protection"
	ModificationProtection Key = "modification-protection"
	Hostname               Key = "hostname"
	ExternalIPType         Key = "external-ip-type"
)

// The annotations about instances and groups that people made.
const (
	ID                     Key = "id"
	ForceOverrideListeners Key = "force-override-listeners"
	PreserveOnDelete       Key = "preserve-lb-on-delete"
	VGroupPort             Key = "vgroup-port"
	Weight                 Key = "weight"
)

// The listeners' annotations.
const (
	ProtocolPort           Key = "protocol-port"
	Scheduler              Key = "scheduler"
	PersistenceTimeout     Key = "persistence-timeout"
	EstablishedTimeout     Key = "established-timeout"
	ConnectionDrain        Key = "connection-drain"
	ConnectionDrainTimeout Key = "connection-drain-timeout"
	ProxyProtocol          Key = "proxy-protocol"
	ACLStatus              Key = "acl-status"
	ACLType                Key = "acl-type"
	ACLID                  Key = "acl-id"
)

// The annotations of HTTP and HTTPS listeners.
const (
	ForwardPort         Key = "forward-port"
	CertID              Key = "cert-id"
	DomainExtensions    Key = "domain-extensions"
	TLSCipherPolicy     Key = "tls-cipher-policy"
	HTTP2Enabled        Key = "http2-enabled"
	StickySession       Key = "sticky-session"
	StickySessionType   Key = "sticky-session-type"
	CookieTimeout       Key = "cookie-timeout"
	Cookie              Key = "cookie"
	IdleTimeout         Key = "idle-timeout"
	RequestTimeout      Key = "request-timeout"
	ForwardedForProto   Key = "xforwardedfor-proto"
	ForwardedForSLBPort Key = "xforwardedfor-slbport"
	ForwardedForSrcPort Key = "xforwardedfor-clientsrcport"
)

// The health checks' annotations.
const (
	HealthCheckSwitch         Key = "health-check-switch"
	HealthCheckFlag           Key = "health-check-flag"
	HealthCheckType           Key = "health-check-type"
	HealthCheckURI            Key = "health-check-uri"
	HealthCheckDomain         Key = "health-check-domain"
	HealthCheckHTTPCode       Key = "health-check-httpcode"
	HealthCheckMethod         Key = "health-check-method"
	HealthCheckConnectPort    Key = "health-check-connect-port"
	HealthCheckConnectTimeout Key = "health-check-connect-timeout"
	HealthCheckTimeout        Key = "health-check-timeout"
	HealthCheckInterval       Key = "health-check-interval"
	HealthyThreshold          Key = "healthy-threshold"
	UnhealthyThreshold        Key = "unhealthy-threshold"
)

// The backends' annotations.
const (
	BackendLabel             Key = "backend-label"
	BackendType              Key = "backend-type"
	Class                    Key = "class"
	BackendIPVersion         Key = "backend-ip-version"
	RemoveUnscheduledBackend Key = "remove-unscheduled-backend"
	DefaultWeight            Key = "default-weight"
	IgnoreWeightUpdate       Key = "ignore-weight-update"
	WeightByPods             Key = "weight-by-pods"
)
