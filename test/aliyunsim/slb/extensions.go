package slb

import (
	"regexp"
	"slices"

	sdk "github.com/aliyun/alibaba-cloud-sdk-go/services/slb"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/network"
)

const extensionID = "DomainExtensionId"

var extendedDomain = regexp.MustCompile(`^(\*\.)?([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$`)

// extension is a domain extension: another certificate of an HTTPS listener, for
// the clients that ask for a domain.
type extension struct {
	ID            string `json:"id"`
	Domain        string `json:"domain"`
	CertificateID string `json:"certificate"`
}

func (p *Product) extensionActions(read, write register) {
	write("CreateDomainExtension", new(sdk.CreateDomainExtensionRequest), p.createExtension, lbID, lbPort, "Domain")
	read("DescribeDomainExtensions", new(sdk.DescribeDomainExtensionsRequest), p.describeExtensions, lbID, lbPort)
	read("DescribeDomainExtensionAttribute", new(sdk.DescribeDomainExtensionAttributeRequest), p.describeExtension, extensionID)
	write("SetDomainExtensionAttribute", new(sdk.SetDomainExtensionAttributeRequest), p.setExtension, extensionID)
	write("DeleteDomainExtension", new(sdk.DeleteDomainExtensionRequest), p.deleteExtension, extensionID)
}

// extensionCertificate is the certificate that a call names, in one of two ways.
func (p *Product) extensionCertificate(c *api.Call) (string, *api.Error) {
	id := either(c.Params[certificateID], c.Params["ServerCertificate.1.CertificateId"])
	if id == "" {
		return "", api.Missing(certificateID)
	}
	if p.certificates[id] == nil {
		return "", noCertificate(id)
	}
	return id, nil
}

func (p *Product) createExtension(c *api.Call) (api.Reply, *api.Error) {
	lb, err := p.findToChange(c)
	if err != nil {
		return nil, err
	}
	l, err := named(c, lb, "https")
	if err != nil {
		return nil, err
	}
	made := extension{Domain: c.Params["Domain"]}
	if !extendedDomain.MatchString(made.Domain) {
		return nil, api.Invalid("Domain", made.Domain)
	}
	if made.CertificateID, err = p.extensionCertificate(c); err != nil {
		return nil, err
	}
	if slices.ContainsFunc(l.Extensions, func(e extension) bool { return e.Domain == made.Domain }) {
		return nil, invalid("The domain %s has an extension already.", made.Domain)
	}
	if len(l.Extensions) >= p.knobs.DomainExtensionsPerListener {
		return nil, refuse("DomainExtension.Quota", "The number of domain extensions exceeds the limit of %d.", p.knobs.DomainExtensionsPerListener)
	}
	made.ID = p.newID("de")
	l.Extensions = append(l.Extensions, made)
	p.changed(c, lb)
	return api.Reply{extensionID: made.ID, lbPort: l.Port}, nil
}

func (e extension) reply() api.Reply {
	return api.Reply{extensionID: e.ID, "Domain": e.Domain, certificateID: e.CertificateID}
}

func (l *listener) extensions() api.Reply {
	items := []any{}
	for _, e := range l.Extensions {
		items = append(items, e.reply())
	}
	return api.Reply{"DomainExtension": items}
}

func (p *Product) describeExtensions(c *api.Call) (api.Reply, *api.Error) {
	lb, err := p.find(c)
	if err != nil {
		return nil, err
	}
	l, err := named(c, lb, "https")
	if err != nil {
		return nil, err
	}
	return api.Reply{"DomainExtensions": l.extensions()}, nil
}

// findExtension returns the extension that a call names, with its listener.
func (p *Product) findExtension(c *api.Call) (*loadBalancer, *listener, int, *api.Error) {
	for _, lb := range p.byID {
		for _, l := range lb.Listeners {
			if i := slices.IndexFunc(l.Extensions, func(e extension) bool { return e.ID == c.Params[extensionID] }); i >= 0 {
				return lb, l, i, nil
			}
		}
	}
	return nil, nil, 0, invalid("The specified resource does not exist.")
}

func (p *Product) describeExtension(c *api.Call) (api.Reply, *api.Error) {
	lb, l, i, err := p.findExtension(c)
	if err != nil {
		return nil, err
	}
	r := l.Extensions[i].reply()
	r[lbID], r[lbPort] = lb.ID, l.Port
	return r, nil
}

func (p *Product) setExtension(c *api.Call) (api.Reply, *api.Error) {
	lb, l, i, err := p.findExtension(c)
	if err != nil {
		return nil, err
	}
	if err := p.mayChange(c, lb); err != nil {
		return nil, err
	}
	id, err := p.extensionCertificate(c)
	if err != nil {
		return nil, err
	}
	l.Extensions[i].CertificateID = id
	p.changed(c, lb)
	return api.Reply{}, nil
}

func (p *Product) deleteExtension(c *api.Call) (api.Reply, *api.Error) {
	lb, l, i, err := p.findExtension(c)
	if err != nil {
		return nil, err
	}
	if err := p.mayChange(c, lb); err != nil {
		return nil, err
	}
	l.Extensions = slices.Delete(l.Extensions, i, i+1)
	p.changed(c, lb)
	return api.Reply{}, nil
}

// domains are a listener's extensions for the data plane.
func (p *Product) domains(l *listener) []network.Domain {
	var out []network.Domain
	for _, e := range l.Extensions {
		if c := p.certificates[e.CertificateID]; c != nil {
			certificate, key := c.pair()
			out = append(out, network.Domain{Name: e.Domain, Certificate: certificate, Key: key})
		}
	}
	return out
}
