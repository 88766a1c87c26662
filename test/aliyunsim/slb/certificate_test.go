package slb

import (
	"testing"
	"time"

	sdk "github.com/aliyun/alibaba-cloud-sdk-go/services/slb"
)

// upload puts a new self-signed certificate into the account.
func (r *rig) upload(name string, pairs ...string) string {
	r.t.Helper()
	certificate, key := selfSigned(name)
	return r.do("UploadServerCertificate", append([]string{
		"ServerCertificate", string(certificate), "PrivateKey", string(key), "ServerCertificateName", name,
	}, pairs...)...).id(certificateID)
}

func (r *rig) listenHTTPS(lb, certificate string) {
	r.t.Helper()
	r.do("CreateLoadBalancerHTTPSListener", "LoadBalancerId", lb, "ListenerPort", "443", "BackendServerPort", "30443", "Bandwidth", "-1",
		"StickySession", off, "HealthCheck", off, "ServerCertificateId", certificate)
}

func TestCertificatesAreUploadedListedAndDeleted(t *testing.T) {
	r := newRig(t)
	one := r.upload("www.example.com", "Tag.1.Key", "k", "Tag.1.Value", "v")
	r.upload("b.example.com")
	got := sdk.CreateDescribeServerCertificatesResponse()
	r.read(got, "DescribeServerCertificates", "ServerCertificateId", one)
	all := got.ServerCertificates.ServerCertificate
	if len(all) != 1 || all[0].CommonName != "www.example.com" || all[0].SubjectAlternativeNames.SubjectAlternativeName[0] != "www.example.com" ||
		len(all[0].Fingerprint) != 59 || all[0].Tags.Tag[0].TagValue != "v" || !time.UnixMilli(all[0].ExpireTimeStamp).After(time.Now()) {
		t.Errorf("got %+v", all)
	}
	r.read(got, "DescribeServerCertificates")
	if n := len(got.ServerCertificates.ServerCertificate); n != 2 {
		t.Errorf("%d certificates", n)
	}
	r.do("SetServerCertificateName", "ServerCertificateId", one, "ServerCertificateName", "renamed")
	r.do("DeleteServerCertificate", "ServerCertificateId", one)
	r.refused(400, "ServerCertificateId.NotFound", "DeleteServerCertificate", "ServerCertificateId", one)
}

func TestBadCertificatesLeaveNoTrace(t *testing.T) {
	r := newRig(t)
	r.knobs.CertificatesPerRegion = 1
	used := r.upload("used")
	lb := r.create()
	r.listenHTTPS(lb, used)
	certificate, key := selfSigned("x")
	_, otherKey := selfSigned("y")
	for _, c := range []struct {
		what, code string
		pairs      []string
	}{
		{"no certificate", "MissingParameter", []string{"PrivateKey", string(key)}},
		{"no key", "MissingParameter", []string{"ServerCertificate", string(certificate)}},
		{"no PEM", "KeyFormatError", []string{"ServerCertificate", "x", "PrivateKey", string(key)}},
		{"another's key", "CertificateNotMatchPrivateKey", []string{"ServerCertificate", string(certificate), "PrivateKey", string(otherKey)}},
		{"of the certificate service", "CertificateNotExist", []string{"AliCloudCertificateId", "1"}},
		{"too many", "QuotaLimitExceeds.Certificate", []string{"ServerCertificate", string(certificate), "PrivateKey", string(key)}},
	} {
		t.Run(c.what, func(*testing.T) { r.refused(400, c.code, "UploadServerCertificate", c.pairs...) })
	}
	r.refused(400, "CertificateAndPrivateKeyIsRefered", "DeleteServerCertificate", "ServerCertificateId", used)
}

func TestDomainExtensionsOfAListener(t *testing.T) {
	r := newRig(t)
	one, two := r.upload("one"), r.upload("two")
	lb := r.create()
	r.listenHTTPS(lb, one)
	at := []string{"LoadBalancerId", lb, "ListenerPort", "443"}
	with := func(pairs ...string) []string { return append(append([]string{}, at...), pairs...) }
	id := r.do("CreateDomainExtension", with("Domain", "a.example.com", "ServerCertificateId", one)...).id(extensionID)
	r.do("SetDomainExtensionAttribute", "DomainExtensionId", id, "ServerCertificate.1.CertificateId", two)
	got := sdk.CreateDescribeDomainExtensionsResponse()
	r.restored(t).read(got, "DescribeDomainExtensions", at...)
	if e := got.DomainExtensions.DomainExtension; len(e) != 1 || e[0].DomainExtensionId != id || e[0].Domain != "a.example.com" || e[0].ServerCertificateId != two {
		t.Errorf("got %+v", e)
	}
	single := sdk.CreateDescribeDomainExtensionAttributeResponse()
	r.read(single, "DescribeDomainExtensionAttribute", "DomainExtensionId", id)
	if single.LoadBalancerId != lb || single.ListenerPort != 443 {
		t.Errorf("got %+v", single)
	}
	r.do("CreateDomainExtension", with("Domain", "*.example.org", "ServerCertificateId", one)...)
	r.do("CreateDomainExtension", with("Domain", "b.example.com", "ServerCertificateId", one)...)
	for _, c := range []struct {
		what, code, action string
		pairs              []string
	}{
		{"too many", "DomainExtension.Quota", "CreateDomainExtension", with("Domain", "c.example.com", "ServerCertificateId", one)},
		{"twice", "InvalidParameter", "CreateDomainExtension", with("Domain", "a.example.com", "ServerCertificateId", one)},
		{"domain", "InvalidParameter", "CreateDomainExtension", with("Domain", "a b", "ServerCertificateId", one)},
		{"certificate", "ServerCertificateId.NotFound", "CreateDomainExtension", with("Domain", "d.example.com", "ServerCertificateId", "none")},
		{"no certificate", "MissingParameter", "CreateDomainExtension", with("Domain", "d.example.com")},
		{"no listener", "InvalidParameter", "CreateDomainExtension", []string{"LoadBalancerId", lb, "ListenerPort", "80", "Domain", "d.example.com", "ServerCertificateId", one}},
		{"not there", "InvalidParameter", "DeleteDomainExtension", []string{"DomainExtensionId", "de-none"}},
		{"certificate in use", "CertificateAndPrivateKeyIsRefered", "DeleteServerCertificate", []string{"ServerCertificateId", two}},
	} {
		t.Run(c.what, func(*testing.T) { r.refused(400, c.code, c.action, c.pairs...) })
	}
	if domains := r.p.domains(r.p.byID[lb].Listeners[0]); len(domains) != 3 || domains[0].Name != "a.example.com" || len(domains[0].Key) == 0 {
		t.Errorf("the data plane gets %d domains", len(domains))
	}
	r.do("DeleteDomainExtension", "DomainExtensionId", id)
	r.do("DeleteServerCertificate", "ServerCertificateId", two)
}
