package cluster

import (
	"crypto/x509"
	"testing"
)

func certificateOf(t *testing.T, p pair) *x509.Certificate {
	t.Helper()
	dir := t.TempDir()
	if err := p.save(dir, "one"); err != nil {
		t.Fatal(err)
	}
	loaded, err := loadAuthority(dir, "one")
	if err != nil {
		t.Fatal(err)
	}
	return loaded.certificate
}

func TestClientCertificateIsNoServerCertificate(t *testing.T) {
	signer, err := newAuthority("one")
	if err != nil {
		t.Fatal(err)
	}
	issued, err := signer.issue(identity{user: "jane", groups: []string{"readers"}})
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(signer.certificate)
	certificate := certificateOf(t, issued)
	for usage, want := range map[x509.ExtKeyUsage]bool{
		x509.ExtKeyUsageClientAuth: true,
		x509.ExtKeyUsageServerAuth: false,
	} {
		_, err := certificate.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{usage}})
		if (err == nil) != want {
			t.Errorf("usage %d: valid %t, want %t: %v", usage, err == nil, want, err)
		}
	}
}

func TestAPIServerCertificateNamesItsServiceAndAddresses(t *testing.T) {
	dir := t.TempDir()
	o, err := Options{Dir: dir, Binaries: dir, ServiceCIDR: []string{"10.32.0.0/20"}, ServerNames: []string{"api.example.com", "192.0.2.7"}}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	if err := makeKeys(dir, o); err != nil {
		t.Fatal(err)
	}
	loaded, err := loadAuthority(dir, apiServerCert)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"127.0.0.1", "localhost", "10.32.0.1", "kubernetes.default.svc", "api.example.com", "192.0.2.7"} {
		if err := loaded.certificate.VerifyHostname(name); err != nil {
			t.Error(err)
		}
	}
	if err := loaded.certificate.VerifyHostname("other.example.com"); err == nil {
		t.Error("the certificate is valid for any name")
	}
}
