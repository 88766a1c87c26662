package build

import (
	"strconv"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/annotation"
)

// The longest times for which listeners remember clients (the API's limits), and
// how long Kubernetes does without a word.
const (
	longestPersistence = 3600
	longestCookie      = 86400
	standardCookie     = 3600
	standardAffinity   = 10800
)

// sticky reports whether a client's connections should stay with one Pod.
func (b *builder) sticky() bool {
	return b.in.Service.Spec.SessionAffinity == corev1.ServiceAffinityClientIP
}

// affinitySeconds is for how long.
func (b *builder) affinitySeconds() int {
	c := b.in.Service.Spec.SessionAffinityConfig
	if c == nil || c.ClientIP == nil || c.ClientIP.TimeoutSeconds == nil {
		return standardAffinity
	}
	return int(*c.ClientIP.TimeoutSeconds)
}

// affinity gives TCP and UDP listeners the Service's session affinity: clients
// are told apart by their address. Where the Service names another scheduler,
// TCP listeners remember their clients for a while instead.
func (p *port) affinity() {
	if !p.sticky() {
		return
	}
	scheduler, given := p.settings.Text(annotation.Scheduler)
	if !given {
		p.a[slb.Scheduler] = "sch"
		return
	}
	if scheduler == "sch" || len(p.given(annotation.PersistenceTimeout)) > 0 {
		return
	}
	if p.protocol == slb.UDP {
		p.notice("port %d: sessionAffinity has no effect, as annotation %s is %s: UDP listeners keep clients with sch only", p.number, annotation.Scheduler, scheduler)
		return
	}
	seconds := p.affinitySeconds()
	if seconds > longestPersistence {
		p.notice("port %d: sessionAffinity lasts %d seconds, not %d: a listener remembers clients no longer; with the scheduler sch there is no limit",
			p.number, longestPersistence, seconds)
		seconds = longestPersistence
	}
	p.a[slb.PersistenceTimeout] = strconv.Itoa(seconds)
}

// web sets what HTTP and HTTPS listeners have.
func (p *port) web() {
	if p.protocol == slb.HTTP {
		p.a[slb.Forward] = "off"
	} else if p.a[slb.ServerCertificate] == "" {
		p.refuse("port %d: an HTTPS listener needs a certificate; name one with the annotation %s%s", p.number, annotation.Prefix, annotation.CertID)
	}
	session, given := p.settings.Text(annotation.StickySession)
	byService := !given && p.sticky()
	if byService {
		session = "on"
		p.notice("port %d: sessionAffinity is kept by a cookie: HTTP and HTTPS listeners do not tell clients apart by their address", p.number)
	}
	if session != "on" {
		p.a[slb.StickySession] = "off"
		for _, key := range p.given(annotation.StickySessionType, annotation.CookieTimeout, annotation.Cookie) {
			p.notice("annotation %s has no effect on port %d: %s is not on", key, p.number, annotation.StickySession)
		}
		return
	}
	kind := p.settingOrDefault(annotation.StickySessionType)
	p.a[slb.StickySession], p.a[slb.StickySessionType] = "on", kind
	if kind == "server" {
		cookie, given := p.settings.Text(annotation.Cookie)
		if !given {
			p.refuse("port %d: %s server needs the name of the backends' cookie; set the annotation %s%s", p.number, annotation.StickySessionType, annotation.Prefix, annotation.Cookie)
		}
		p.a[slb.Cookie] = cookie
		for _, key := range p.given(annotation.CookieTimeout) {
			p.notice("annotation %s has no effect on port %d: the cookie is the backends'", key, p.number)
		}
		return
	}
	seconds := standardCookie
	if byService {
		seconds = min(p.affinitySeconds(), longestCookie)
	}
	p.a[slb.CookieTimeout] = p.settings.Or(annotation.CookieTimeout, strconv.Itoa(seconds))
	for _, key := range p.given(annotation.Cookie) {
		p.notice("annotation %s has no effect on port %d: the load balancer makes the cookie", key, p.number)
	}
}
