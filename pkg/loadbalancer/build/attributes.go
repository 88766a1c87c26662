package build

import (
	"cmp"
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
	{annotation.PersistenceTimeout, slb.PersistenceTimeout},
	{annotation.EstablishedTimeout, slb.EstablishedTimeout},
	{annotation.ConnectionDrain, slb.ConnectionDrain},
	{annotation.ConnectionDrainTimeout, slb.DrainTimeout},
	{annotation.HealthCheckSwitch, slb.HealthCheck},
	{annotation.HealthCheckInterval, slb.HealthCheckInterval},
	{annotation.HealthyThreshold, slb.HealthyThreshold},
	{annotation.UnhealthyThreshold, slb.UnhealthyThreshold},
}

// attributes returns all settings of a listener: what the annotations say, and
// for the rest the default, so that removing an annotation restores it.
func (b *builder) attributes(protocol slb.Protocol) slb.Attributes {
	a := slb.Attributes{slb.Bandwidth: unlimited}
	scheduler := "wrr"
	if b.sticky() {
		scheduler = "sch"
	}
	a[slb.Scheduler] = b.settings.Or(annotation.Scheduler, scheduler)
	for _, p := range plain {
		entry, _ := annotation.Lookup(p.key)
		if !entry.Of(protocol) {
			continue
		}
		standard, _ := slb.Default(protocol, p.field)
		if value := b.settings.Or(p.key, cmp.Or(standard, entry.Default)); value != "" {
			a[p.field] = value
		}
	}
	if a[slb.HealthCheck] == "off" {
		for _, field := range []slb.Field{slb.HealthCheckInterval, slb.HealthyThreshold, slb.UnhealthyThreshold} {
			delete(a, field)
		}
		return a
	}
	if a[slb.ConnectionDrain] != "on" {
		delete(a, slb.DrainTimeout)
	}
	b.timeout(protocol, a)
	b.probe(protocol, a)
	return a
}

// timeout sets the probe's time-out. The API raises one below the interval to
// the interval; so is what is wanted, or the two would differ for ever.
func (b *builder) timeout(protocol slb.Protocol, a slb.Attributes) {
	standard, _ := slb.Default(protocol, slb.HealthCheckTimeout)
	seconds, _ := strconv.Atoi(b.settings.Or(annotation.HealthCheckConnectTimeout, standard))
	interval, _ := strconv.Atoi(a[slb.HealthCheckInterval])
	a[slb.HealthCheckTimeout] = strconv.Itoa(max(seconds, interval))
}

// probe says what a health check asks, and where.
//
// Without annotations, TCP listeners ask kube-proxy: at its own port with the
// Cluster policy, so that a draining node leaves by itself, and at the Service's
// health check node port with the Local policy, so that Pods move without a
// call. UDP listeners have no HTTP check: they probe the node port. An
// annotation that says what or where to ask moves the check to the node port.
func (b *builder) probe(protocol slb.Protocol, a slb.Attributes) {
	port, portGiven := b.settings.Text(annotation.HealthCheckConnectPort)
	if protocol == slb.UDP {
		a[slb.HealthCheckPort] = cmp.Or(port, slb.BackendPort)
		return
	}
	kind, kindGiven := b.settings.Text(annotation.HealthCheckType)
	uri, uriGiven := b.settings.Text(annotation.HealthCheckURI)
	_, domainGiven := b.settings.Text(annotation.HealthCheckDomain)
	if !portGiven && !kindGiven && !uriGiven && !domainGiven {
		kind, uri, port = "http", healthPath, strconv.Itoa(b.cfg.Defaults.HealthCheckPort)
		if check := b.in.Service.Spec.HealthCheckNodePort; b.local() && check != 0 {
			port = strconv.Itoa(int(check))
		}
	}
	if kind == "" {
		kind = "tcp"
		if uriGiven || domainGiven {
			kind = "http"
		}
	}
	a[slb.HealthCheckType] = kind
	a[slb.HealthCheckPort] = cmp.Or(port, slb.BackendPort)
	if kind != "http" {
		return
	}
	if uri != "" {
		a[slb.HealthCheckURI] = uri
	}
	a[slb.HealthCheckDomain] = b.settingOrDefault(annotation.HealthCheckDomain)
	a[slb.HealthCheckHTTPCode] = b.settingOrDefault(annotation.HealthCheckHTTPCode)
	a[slb.HealthCheckMethod] = b.settingOrDefault(annotation.HealthCheckMethod)
}

func (b *builder) settingOrDefault(key annotation.Key) string {
	entry, _ := annotation.Lookup(key)
	return b.settings.Or(key, entry.Default)
}
