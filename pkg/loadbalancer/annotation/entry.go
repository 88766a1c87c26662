// Package annotation is the registry of the annotations of load balancer
// Services: what they are called, which values they take, what they default to,
// and one sentence about each in two languages. Parsing, validation and the
// reference page come from the one table.
package annotation

import (
	"slices"

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

// Type is the syntax of a value.
type Type string

// The types of values.
const (
	// Text is free text that Entry.Check looks at.
	Text Type = "text"
	// Integer lies between Entry.Min and Entry.Max, or is one of Entry.Choices.
	Integer Type = "integer"
	// Choice is one of Entry.Choices, written exactly so.
	Choice Type = "choice"
	// ChoiceList is one or more of Entry.Choices, separated by commas.
	ChoiceList Type = "list of choices"
	// List is one or more items separated by commas; Entry.Check looks at each.
	List Type = "list"
	// TagList is k=v pairs separated by commas; a value may be empty.
	TagList Type = "tags"
	// PairList is a:b pairs separated by commas; Entry.Check looks at the whole.
	PairList Type = "pairs"
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
	// FullKeys are the keys of an annotation outside the families, which then has
	// no others.
	FullKeys []string
	// Aliases are further full keys with the same meaning; the families' keys
	// (Keys) need no alias.
	Aliases []string
	Type    Type
	// Min and Max bound an Integer.
	Min, Max int
	// Choices are the values of a Choice or ChoiceList, and what an Integer may be
	// beside a number of its range.
	Choices []string
	// Form shows how a List or PairList is written.
	Form string
	// Default is the value without the annotation, as the API takes it; empty
	// means that DefaultDoc explains it.
	Default    string
	DefaultDoc Doc
	// Listeners are the protocols that have the setting; none for a setting of
	// the instance.
	Listeners []slb.Protocol
	// Whole: the value of a listener's setting is one for the Service; it has no
	// form with a value for each port.
	Whole bool
	// Immutable settings are fixed when the load balancer is created.
	Immutable bool
	// Pending settings are not in this version: any value but the default is
	// refused, because ignoring it would make something else than was asked for.
	Pending bool
	Scope   Scope
	Doc     Doc
	// Check refuses further values; nil accepts all of the type. It returns what
	// is allowed, in the form "must be ...".
	Check func(value string) error
}

// Keys returns the full keys of the entry: the documented one first, then the
// others in order of precedence.
func (e Entry) Keys() []string {
	if len(e.FullKeys) > 0 {
		return append(slices.Clone(e.FullKeys), e.Aliases...)
	}
	return append([]string{Prefix + string(e.Key), LegacyPrefix + string(e.Key), ArchonPrefix + string(e.Key)}, e.Aliases...)
}

// Of reports whether listeners of the protocol have the setting.
func (e Entry) Of(protocol slb.Protocol) bool { return slices.Contains(e.Listeners, protocol) }

// PerPort reports whether the setting can have a value for each port.
func (e Entry) PerPort() bool { return len(e.Listeners) > 0 && !e.Whole }

// part is a part of the registry, which is a part of the reference page too.
type part struct {
	title   Doc
	entries []Entry
}

func parts() []part {
	return []part{
		{Doc{English: "The instance", Chinese: "实例"}, instanceEntries()},
		{Doc{English: "Instances and groups made by people", Chinese: "使用已有实例和服务器组"}, sharingEntries()},
		{Doc{English: "The listeners", Chinese: "监听"}, listenerEntries()},
		{Doc{English: "HTTP and HTTPS listeners", Chinese: "HTTP 与 HTTPS 监听"}, webEntries()},
		{Doc{English: "Health checks", Chinese: "健康检查"}, healthCheckEntries()},
		{Doc{English: "The backends", Chinese: "后端"}, backendEntries()},
	}
}

// Registry returns all entries in the order of the reference page.
func Registry() []Entry { return slices.Clone(registry) }

// Lookup returns the entry of a key.
func Lookup(key Key) (Entry, bool) {
	entry, found := byKey[key]
	return entry, found
}

var registry = func() []Entry {
	var all []Entry
	for _, p := range parts() {
		all = append(all, p.entries...)
	}
	return all
}()

var byKey = func() map[Key]Entry {
	entries := map[Key]Entry{}
	for _, e := range registry {
		entries[e.Key] = e
	}
	return entries
}()
