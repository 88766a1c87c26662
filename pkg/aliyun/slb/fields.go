package slb

// Field is the canonical name of a listener setting.
type Field string

// The settings of listeners. Their values are text in canonical form: "true" or
// "false", a decimal number, "on" or "off", or the API's own word.
const (
	Scheduler             Field = "Scheduler"
	Bandwidth             Field = "Bandwidth"
	Description           Field = "Description"
	ACLStatus             Field = "ACLStatus"
	ACLType               Field = "ACLType"
	ACLID                 Field = "ACLID"
	PersistenceTimeout    Field = "PersistenceTimeout"
	EstablishedTimeout    Field = "EstablishedTimeout"
	ConnectionDrain       Field = "ConnectionDrain"
	DrainTimeout          Field = "DrainTimeout"
	ProxyProtocol         Field = "ProxyProtocol"
	StickySession         Field = "StickySession"
	StickySessionType     Field = "StickySessionType"
	CookieTimeout         Field = "CookieTimeout"
	Cookie                Field = "Cookie"
	IdleTimeout           Field = "IdleTimeout"
	RequestTimeout        Field = "RequestTimeout"
	Gzip                  Field = "Gzip"
	ForwardedFor          Field = "ForwardedFor"
	ForwardedForIP        Field = "ForwardedForIP"
	ForwardedForID        Field = "ForwardedForID"
	ForwardedForProto     Field = "ForwardedForProto"
	ForwardedForPort      Field = "ForwardedForPort"
	ForwardedForClient    Field = "ForwardedForClient"
	Forward               Field = "Forward"
	ForwardPort           Field = "ForwardPort"
	ForwardCode           Field = "ForwardCode"
	ServerCertificate     Field = "ServerCertificate"
	CACertificate         Field = "CACertificate"
	TLSPolicy             Field = "TLSPolicy"
	HTTP2                 Field = "HTTP2"
	HealthCheck           Field = "HealthCheck"
	HealthCheckType       Field = "HealthCheckType"
	HealthCheckPort       Field = "HealthCheckPort"
	HealthCheckTimeout    Field = "HealthCheckTimeout"
	HealthCheckInterval   Field = "HealthCheckInterval"
	HealthyThreshold      Field = "HealthyThreshold"
	UnhealthyThreshold    Field = "UnhealthyThreshold"
	HealthCheckDomain     Field = "HealthCheckDomain"
	HealthCheckURI        Field = "HealthCheckURI"
	HealthCheckHTTPCode   Field = "HealthCheckHTTPCode"
	HealthCheckMethod     Field = "HealthCheckMethod"
	HealthCheckRequest    Field = "HealthCheckRequest"
	HealthCheckExpression Field = "HealthCheckExpression"
)

type kind int

const (
	text    kind = iota
	number       // decimal, within min and max unless it is an alias
	onOff        // "on" or "off"
	boolean      // "true" or "false"
	list         // comma-separated, order without meaning
)

// protocols is a set of protocols.
type protocols []Protocol

var (
	anyProtocol = protocols{TCP, UDP, HTTP, HTTPS}
	layer4      = protocols{TCP, UDP}
	layer7      = protocols{HTTP, HTTPS}
	checkedHTTP = protocols{TCP, HTTP, HTTPS}
)

// condition is the value of another field under which a field has a meaning.
type condition struct {
	field Field
	value string
}

var (
	checked     = condition{HealthCheck, "on"}
	checkedByL7 = condition{HealthCheckType, "http"}
	sticky      = condition{StickySession, "on"}
	withACL     = condition{ACLStatus, "on"}
)

// row is everything the package knows about one field on some protocols.
type row struct {
	field Field
	on    protocols
	// param is the field's name in requests; create replaces it in Create… calls,
	// whose names sometimes begin with a small letter.
	param, create string
	// reply holds its names in replies, the first one present counts; param when empty.
	reply []string
	// shared fields lie beside the protocol's configuration object in
	// DescribeLoadBalancerListeners, not inside. Typed replies are flat.
	shared   bool
	kind     kind
	min, max int
	enum     []string
	// alias turns other spellings of a value into the canonical one.
	alias map[string]string
	// preset is the API's value where nothing was given: what an absent field in
	// a reply means. Empty: none.
	preset string
	// atLeast names another number that the API raises this one to.
	atLeast Field
	// when says in which case the field has a meaning. Else it is neither sent
	// nor compared.
	when []condition
	// required fields are sent at creation, with their preset if need be, and
	// whenever a switch that they depend on is changed.
	required bool
	// fixed fields can only be given at creation.
	fixed bool
}
