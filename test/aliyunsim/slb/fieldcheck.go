package slb

import (
	"slices"
	"strconv"
	"strings"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// check refuses a value that the field cannot have.
func (f *field) check(name, value string) *api.Error {
	if f.extra != "" && value == f.extra {
		return nil
	}
	ok := false
	switch f.kind {
	case text:
		length := len([]rune(value))
		if length > f.most && f.on == onUDP {
			return refuse("InvalidParamLength."+f.name, "The length of %s exceeds %d.", name, f.most)
		}
		ok = length >= f.least && length <= f.most && f.pattern.MatchString(value)
	case whole:
		n, err := strconv.Atoi(value)
		ok = err == nil && n >= f.least && n <= f.most && (f.values == nil || slices.Contains(f.values, value))
	case word:
		ok = slices.Contains(f.values, value)
	case truth:
		ok = value == "true" || value == "false"
	case codes:
		ok = !slices.ContainsFunc(strings.Split(value, ","), func(part string) bool {
			return !slices.Contains(f.values, part)
		})
	}
	if !ok {
		return api.Invalid(name, value)
	}
	return nil
}

// readFields reads the settings in a Create or Set call for a listener of a
// protocol, by their names in replies.
func (p *Product) readFields(q api.Params, protocol string, creating bool) (map[string]string, *api.Error) {
	out := map[string]string{}
	for _, f := range fieldsOf[protocol] {
		name := f.param(creating)
		value := q[name]
		if name == "" || value == "" {
			continue
		}
		if f.kind == truth {
			value = strings.ToLower(value)
		}
		if err := f.check(name, value); err != nil {
			return nil, err
		}
		if f.name == "HealthCheckURI" && value == "/" && p.knobs.SlashURIRefused {
			return nil, api.Invalid(name, value)
		}
		out[f.name] = value
	}
	if protocol == "udp" {
		return out, p.ignoreHTTPCheck(q)
	}
	if id := q["ServerCertificate.1.CertificateId"]; id != "" && protocol == "https" {
		out["ServerCertificateId"] = id
	}
	return out, nil
}

// ignoreHTTPCheck accepts an HTTP health check on a UDP listener, without
// effect, or refuses it where the knob says so.
func (p *Product) ignoreHTTPCheck(q api.Params) *api.Error {
	if p.knobs.UDPHTTPCheckIgnored {
		return nil
	}
	for _, name := range []string{
		"HealthCheckType", "HealthCheckURI", "HealthCheckDomain", "HealthCheckMethod", "HealthCheckHttpCode",
	} {
		if v := q[name]; v != "" && !strings.EqualFold(v, "udp") {
			return api.Invalid(name, v)
		}
	}
	return nil
}

// value is a setting, or its standard value.
func (l *listener) value(name string) string {
	if v, ok := l.Values[name]; ok {
		return v
	}
	for _, f := range fieldsOf[l.Protocol] {
		if f.name == name {
			return f.standard
		}
	}
	return ""
}

// whole is a setting that is a number, 0 when it has no value.
func (l *listener) whole(name string) int {
	n, _ := strconv.Atoi(l.value(name))
	return n
}

// settle applies the rules between settings to a new or changed listener, which
// is not yet part of lb.
func (p *Product) settle(lb *loadBalancer, l *listener) *api.Error {
	if l.Values["HealthCheckConnectPort"] == noHealthCheckPort {
		delete(l.Values, "HealthCheckConnectPort")
	}
	for _, timeout := range []string{"HealthCheckConnectTimeout", "HealthCheckTimeout"} {
		if v := l.value(timeout); v != "" && l.whole(timeout) < l.whole("HealthCheckInterval") {
			l.Values[timeout] = l.value("HealthCheckInterval")
		}
	}
	if l.value("AclStatus") == off {
		delete(l.Values, "AclId")
		delete(l.Values, "AclType")
	}
	needs := []struct{ setting, value, needed string }{
		{"ConnectionDrain", on, "ConnectionDrainTimeout"},
		{"StickySessionType", "insert", "CookieTimeout"},
		{"StickySessionType", "server", "Cookie"},
		{"AclStatus", on, "AclId"},
		{"AclStatus", on, "AclType"},
		{"ListenerForward", on, "ForwardPort"},
	}
	for _, n := range needs {
		inUse := n.setting != "StickySessionType" || l.value("StickySession") == on
		if inUse && l.value(n.setting) == n.value && l.value(n.needed) == "" {
			return api.Missing(n.needed)
		}
	}
	if l.value("StickySession") == on && l.value("StickySessionType") == "" {
		return api.Missing("StickySessionType")
	}
	for _, check := range []func(*loadBalancer, *listener) *api.Error{p.certified, p.controlled, p.withinBandwidth} {
		if err := check(lb, l); err != nil {
			return err
		}
	}
	return nil
}

// certified demands an existing certificate of an HTTPS listener.
func (p *Product) certified(_ *loadBalancer, l *listener) *api.Error {
	if l.Protocol != "https" {
		return nil
	}
	id := l.value("ServerCertificateId")
	if id == "" {
		return api.Missing("ServerCertificateId")
	}
	if p.certificates[id] == nil {
		return noCertificate(id)
	}
	return nil
}

// controlled demands existing access lists of the load balancer's family.
func (p *Product) controlled(lb *loadBalancer, l *listener) *api.Error {
	if l.value("AclId") == "" {
		return nil
	}
	for id := range strings.SplitSeq(l.value("AclId"), ",") {
		list := p.acls[id]
		if list == nil {
			return noACL(id)
		}
		if list.IPVersion != lb.AddressIPVersion {
			return refuse("IpVersionConflict", "The access control list %s is for %s, the load balancer for %s.",
				id, list.IPVersion, lb.AddressIPVersion)
		}
		others := slices.DeleteFunc(p.usersOf(list), func(u use) bool { return u.lb == lb && compareListeners(u.listener, l) == 0 })
		if len(others) >= p.knobs.ListenersPerACL {
			return refuse("AclListenerOverLimit", "The access control list %s is used by %d listeners already.", id, len(others))
		}
	}
	return nil
}

// withinBandwidth keeps the listeners of an instance that is paid by bandwidth
// within it; those without a limit of their own share what there is.
func (p *Product) withinBandwidth(lb *loadBalancer, l *listener) *api.Error {
	if lb.AddressType != internet || lb.InternetChargeType != byBandwidth {
		return nil
	}
	own := l.whole("Bandwidth")
	switch {
	case own == -1 && l.Values["Bandwidth"] != "" && p.knobs.StrictBandwidth:
		return api.Invalid("Bandwidth", "-1")
	case own == -1:
		return nil
	}
	sum := own
	for _, other := range lb.Listeners {
		if compareListeners(other, l) != 0 {
			sum += max(0, other.whole("Bandwidth"))
		}
	}
	if sum > lb.Bandwidth {
		return invalid("The listeners' bandwidth of %d exceeds the load balancer's %d.", sum, lb.Bandwidth)
	}
	return nil
}

// listenerBandwidth is the sum of the listeners' limits.
func (lb *loadBalancer) listenerBandwidth() int {
	sum := 0
	for _, l := range lb.Listeners {
		sum += max(0, l.whole("Bandwidth"))
	}
	return sum
}
