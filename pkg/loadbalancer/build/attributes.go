package build

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/annotation"
)

// healthPath is where kube-proxy answers health checks, on its own port and on a
// Service's health check node port.
const healthPath = "/healthz"

// unlimited is the API's word for a listener without a bandwidth of its own.
const unlimited = "-1"

// plain are the settings that an annotation gives word by word.
var plain = []struct {
	key   annotation.Key
	field slb.Field
}{
	{annotation.Scheduler, slb.Scheduler},
	{annotation.PersistenceTimeout, slb.PersistenceTimeout},
	{annotation.EstablishedTimeout, slb.EstablishedTimeout},
	{annotation.ConnectionDrain, slb.ConnectionDrain},
	{annotation.ConnectionDrainTimeout, slb.DrainTimeout},
	{annotation.IdleTimeout, slb.IdleTimeout},
	{annotation.RequestTimeout, slb.RequestTimeout},
	{annotation.ForwardedForProto, slb.ForwardedForProto},
	{annotation.ForwardedForSLBPort, slb.ForwardedForPort},
	{annotation.ForwardedForSrcPort, slb.ForwardedForClient},
	{annotation.CertID, slb.ServerCertificate},
	{annotation.TLSCipherPolicy, slb.TLSPolicy},
	{annotation.HTTP2Enabled, slb.HTTP2},
	{annotation.HealthCheckSwitch, slb.HealthCheck},
	{annotation.HealthCheckFlag, slb.HealthCheck},
	{annotation.HealthCheckInterval, slb.HealthCheckInterval},
	{annotation.HealthyThreshold, slb.HealthyThreshold},
	{annotation.UnhealthyThreshold, slb.UnhealthyThreshold},
}

// port builds the listener of one port.
type port struct {
	*builder
	protocol slb.Protocol
	number   int
	// settings are those of this port.
	settings annotation.Settings
	a        slb.Attributes
}

// attributes returns all settings of a listener: what the annotations say, and
// for the rest the default, so that removing an annotation restores it.
func (b *builder) attributes(protocol slb.Protocol, number int) slb.Attributes {
	p := port{builder: b, protocol: protocol, number: number, settings: b.settings.ForPort(number), a: slb.Attributes{slb.Bandwidth: unlimited}}
	for _, s := range plain {
		entry, _ := annotation.Lookup(s.key)
		if !entry.Of(protocol) {
			continue
		}
		standard, _ := slb.Default(protocol, s.field)
		if value := p.settings.Or(s.key, cmp.Or(entry.Default, standard)); value != "" {
			p.a[s.field] = value
		}
	}
	if p.a[slb.ConnectionDrain] != "on" {
		delete(p.a, slb.DrainTimeout)
	}
	switch protocol {
	case slb.TCP, slb.UDP:
		p.a[slb.ProxyProtocol] = strconv.FormatBool(p.settings.On(annotation.ProxyProtocol))
		p.affinity()
	case slb.HTTP, slb.HTTPS:
		p.web()
	}
	p.health()
	return p.a
}

// health sets the health check.
func (p *port) health() {
	if p.a[slb.HealthCheck] == "off" {
		for _, field := range []slb.Field{slb.HealthCheckInterval, slb.HealthyThreshold, slb.UnhealthyThreshold} {
			delete(p.a, field)
		}
		return
	}
	p.timeout()
	p.probe()
}

// timeout sets the probe's time-out. The API raises one below the interval to
// the interval; so is what is wanted, or the two would differ for ever.
func (p *port) timeout() {
	standard, _ := slb.Default(p.protocol, slb.HealthCheckTimeout)
	key := annotation.HealthCheckTimeout
	if p.protocol == slb.TCP || p.protocol == slb.UDP {
		key = annotation.HealthCheckConnectTimeout
	}
	seconds, _ := strconv.Atoi(p.settings.Or(key, standard))
	interval, _ := strconv.Atoi(p.a[slb.HealthCheckInterval])
	p.a[slb.HealthCheckTimeout] = strconv.Itoa(max(seconds, interval))
}

// probe says what a health check asks, and where.
//
// Without annotations, listeners ask kube-proxy: at its own port with the Cluster
// policy, so that a draining node leaves by itself, and at the Service's health
// check node port with the Local policy, so that Pods move without a call.
// kube-proxy's own port has an IPv4 address only (--healthz-bind-address), so an
// IPv6 load balancer with the Cluster policy probes the node port. Where Pods are the
// backends, their own ports are probed. UDP listeners
// have no HTTP check: they probe the node port. An annotation that says what or
// where to ask moves the check to the node port.
func (p *port) probe() {
	where, portGiven := p.settings.Text(annotation.HealthCheckConnectPort)
	if where == "-520" {
		where = slb.BackendPort
	}
	if p.protocol == slb.UDP {
		p.a[slb.HealthCheckPort] = cmp.Or(where, slb.BackendPort)
		return
	}
	kind, kindGiven := p.settings.Text(annotation.HealthCheckType)
	uri, uriGiven := p.settings.Text(annotation.HealthCheckURI)
	_, domainGiven := p.settings.Text(annotation.HealthCheckDomain)
	if !portGiven && !kindGiven && !uriGiven && !domainGiven && !p.toPods() {
		check := p.in.Service.Spec.HealthCheckNodePort
		switch {
		case p.local() && check != 0:
			kind, uri, where = "http", healthPath, strconv.Itoa(int(check))
		case !p.ipv6():
			kind, uri, where = "http", healthPath, strconv.Itoa(p.cfg.Defaults.HealthCheckPort)
		}
	}
	if kind == "" {
		kind = "tcp"
		if uriGiven || domainGiven || p.protocol != slb.TCP {
			kind = "http"
		}
	}
	p.a[slb.HealthCheckType] = kind
	p.a[slb.HealthCheckPort] = cmp.Or(where, slb.BackendPort)
	if kind != "http" {
		return
	}
	if uri != "" {
		p.a[slb.HealthCheckURI] = uri
	}
	p.a[slb.HealthCheckDomain] = p.settingOrDefault(annotation.HealthCheckDomain)
	p.a[slb.HealthCheckHTTPCode] = p.settingOrDefault(annotation.HealthCheckHTTPCode)
	p.a[slb.HealthCheckMethod] = p.settingOrDefault(annotation.HealthCheckMethod)
}

func (p *port) settingOrDefault(key annotation.Key) string {
	entry, _ := annotation.Lookup(key)
	return p.settings.Or(key, entry.Default)
}

// given lists those of some settings that the Service names for the port.
func (p *port) given(keys ...annotation.Key) []annotation.Key {
	return slices.DeleteFunc(keys, func(key annotation.Key) bool {
		_, given := p.settings.Text(key)
		return !given
	})
}
