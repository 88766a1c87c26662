// Package annotation is the registry of the annotations of load balancer
// Services: what they are called, which values they take, what they default to,
// and one sentence about each in two languages. Parsing, validation and the
// reference page come from the one table.
package annotation

import (
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
)

// The families of annotation keys. A key is one of them and a suffix.
const (
	// Prefix is the documented family.
	Prefix = "service.beta.kubernetes.io/alibaba-cloud-loadbalancer-"
	// LegacyPrefix is the older form of the documented family.
	LegacyPrefix = "service.beta.kubernetes.io/alicloud-loadbalancer-"
	// ArchonPrefix is the family of the first kube-aliyun.
	ArchonPrefix = "aliyun.archon.kubeup.com/"
	// OwnPrefix holds what no other controller has.
	OwnPrefix = "service.kube-aliyun.io/"
)

// Key is the canonical suffix of an annotation and its identity.
type Key string

// The instance's annotations.
const (
	Name                   Key = "name"
	AddressType            Key = "address-type"
	VSwitchID              Key = "vswitch-id"
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
)

// The listeners' annotations.
const (
	Scheduler                 Key = "scheduler"
	PersistenceTimeout        Key = "persistence-timeout"
	EstablishedTimeout        Key = "established-timeout"
	ConnectionDrain           Key = "connection-drain"
	ConnectionDrainTimeout    Key = "connection-drain-timeout"
	HealthCheckSwitch         Key = "health-check-switch"
	HealthCheckType           Key = "health-check-type"
	HealthCheckURI            Key = "health-check-uri"
	HealthCheckDomain         Key = "health-check-domain"
	HealthCheckHTTPCode       Key = "health-check-httpcode"
	HealthCheckMethod         Key = "health-check-method"
	HealthCheckConnectPort    Key = "health-check-connect-port"
	HealthCheckConnectTimeout Key = "health-check-connect-timeout"
	HealthCheckInterval       Key = "health-check-interval"
	HealthyThreshold          Key = "healthy-threshold"
	UnhealthyThreshold        Key = "unhealthy-threshold"
)

// Type is the syntax of a value.
type Type string

// The types of values.
const (
	// Text is free text that Entry.Check looks at.
	Text Type = "text"
	// Integer lies between Entry.Min and Entry.Max.
	Integer Type = "integer"
	// Choice is one of Entry.Choices, written exactly so.
	Choice Type = "choice"
	// ChoiceList is one or more of Entry.Choices, separated by commas.
	ChoiceList Type = "list of choices"
	// TagList is k=v pairs separated by commas; a value may be empty.
	TagList Type = "tags"
)

// Scope says whose business a setting is: a policy can keep namespaces from it.
type Scope string

// The scopes.
const (
	// Tenant settings concern nobody but the Service.
	Tenant Scope = "tenant"
	// Shared settings touch what others use too.
	Shared Scope = "shared"
	// Cost settings change the bill.
	Cost Scope = "cost"
)

// Doc is one sentence in two languages.
type Doc struct {
	English, Chinese string
}

// Entry describes one annotation.
type Entry struct {
	Key Key
	// Aliases are further full keys with the same meaning; the families' keys
	// (Keys) need no alias.
	Aliases []string
	Type    Type
	// Min and Max bound an Integer.
	Min, Max int
	// Choices are the values of a Choice or ChoiceList.
	Choices []string
	// Default is the value without the annotation, as the API takes it; empty
	// means that DefaultDoc explains it.
	Default    string
	DefaultDoc Doc
	// Listeners are the protocols that have the setting; none for a setting of
	// the instance.
	Listeners []slb.Protocol
	// Immutable settings are fixed when the load balancer is created.
	Immutable bool
	Scope     Scope
	Doc       Doc
	// Check refuses further values; nil accepts all of the type. It returns what
	// is allowed, in the form "must be ...".
	Check func(value string) error
}

// Keys returns the full keys of the entry: the documented one first, then the
// others in order of precedence.
func (e Entry) Keys() []string {
	return append([]string{Prefix + string(e.Key), LegacyPrefix + string(e.Key), ArchonPrefix + string(e.Key)}, e.Aliases...)
}

// Of reports whether listeners of the protocol have the setting.
func (e Entry) Of(protocol slb.Protocol) bool {
	for _, p := range e.Listeners {
		if p == protocol {
			return true
		}
	}
	return false
}

// Registry returns all entries in the order of the reference page.
func Registry() []Entry {
	return append(instanceEntries(), listenerEntries()...)
}

// Lookup returns the entry of a key.
func Lookup(key Key) (Entry, bool) {
	entry, found := byKey[key]
	return entry, found
}

var byKey = func() map[Key]Entry {
	entries := map[Key]Entry{}
	for _, e := range Registry() {
		entries[e.Key] = e
	}
	return entries
}()
