package build

import (
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/annotation"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/reference"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

// certify notes the certificates that an HTTPS listener names, and gives it those
// that are for single domains.
func (b *builder) certify(l *Listener) {
	if l.Protocol != slb.HTTPS {
		return
	}
	if id := l.Attributes[slb.ServerCertificate]; id != "" {
		b.refers(reference.Certificate, id)
	}
	for _, pair := range b.settings.Pairs(annotation.DomainExtensions) {
		l.Extensions = append(l.Extensions, slb.Extension{Domain: pair[0], Certificate: pair[1]})
		b.refers(reference.Certificate, pair[1])
	}
}

// markExtensions marks the instance when some listener has domain extensions.
func markExtensions(tags map[string]string, listeners []Listener) {
	for i := range listeners {
		if len(listeners[i].Extensions) > 0 {
			tags[ownership.TagExtensions] = ownership.MarkOn
		}
	}
}
