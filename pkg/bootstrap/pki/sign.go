package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"slices"
	"time"
)

var (
	errUsage = errors.New("unknown usage")
	errPEM   = errors.New("not PEM of the right kind")
)

// PEM block types.
const (
	certificateBlock = "CERTIFICATE"
	keyBlock         = "EC PRIVATE KEY"
	publicBlock      = "PUBLIC KEY"
)

// Pair is a certificate and its key. Key is nil where only the certificate is here.
type Pair struct {
	Certificate *x509.Certificate
	Key         *ecdsa.PrivateKey
}

// CertificatePEM is the certificate as files have it.
func (p Pair) CertificatePEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: certificateBlock, Bytes: p.Certificate.Raw})
}

// usages translates cfssl's words.
func (p Profile) usages() (usage x509.KeyUsage, extended []x509.ExtKeyUsage, err error) {
	for _, word := range p.Usages {
		switch word {
		case "digital signature", "signing":
			usage |= x509.KeyUsageDigitalSignature
		case "server auth":
			extended = append(extended, x509.ExtKeyUsageServerAuth)
		case "client auth":
			extended = append(extended, x509.ExtKeyUsageClientAuth)
		default:
			return 0, nil, fmt.Errorf("%q: %w", word, errUsage)
		}
	}
	return usage, extended, nil
}

// newKey makes a key.
func newKey() (*ecdsa.PrivateKey, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }

// subject is that of a request.
func (r *Request) subject() pkix.Name {
	name := pkix.Name{CommonName: r.CN}
	add := func(to *[]string, value string) {
		if value != "" {
			*to = append(*to, value)
		}
	}
	for _, n := range r.Names {
		add(&name.Country, n.C)
		add(&name.Province, n.ST)
		add(&name.Locality, n.L)
		add(&name.Organization, n.O)
		add(&name.OrganizationalUnit, n.OU)
	}
	return name
}

// template is what every certificate of a request has.
func (r *Request) template() (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("serial number: %w", err)
	}
	t := &x509.Certificate{SerialNumber: serial, Subject: r.subject()}
	hosts := slices.Clone(r.Hosts)
	slices.Sort(hosts)
	for _, host := range slices.Compact(hosts) {
		if ip := net.ParseIP(host); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, host)
		}
	}
	return t, nil
}

// selfSign makes an authority.
func selfSign(r *Request, key *ecdsa.PrivateKey, now time.Time) (Pair, error) {
	t, err := r.template()
	if err != nil {
		return Pair{}, err
	}
	t.NotBefore = now.Add(-time.Duration(r.CA.Backdate))
	t.NotAfter = t.NotBefore.Add(time.Duration(r.CA.Expiry))
	t.IsCA, t.BasicConstraintsValid = true, true
	t.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature
	t.MaxPathLen, t.MaxPathLenZero = r.CA.PathLen, r.CA.PathLenZero
	return create(t, t, key, key)
}

// sign makes a certificate that its authority does not outlive.
func sign(r *Request, p Profile, authority Pair, key *ecdsa.PrivateKey, now time.Time) (Pair, error) {
	t, err := r.template()
	if err != nil {
		return Pair{}, err
	}
	if t.KeyUsage, t.ExtKeyUsage, err = p.usages(); err != nil {
		return Pair{}, err
	}
	t.BasicConstraintsValid = true
	t.NotBefore = now.Add(-time.Duration(p.Backdate))
	t.NotAfter = t.NotBefore.Add(time.Duration(p.Expiry))
	if end := authority.Certificate.NotAfter; t.NotAfter.After(end) {
		t.NotAfter = end
	}
	return create(t, authority.Certificate, key, authority.Key)
}

func create(t, parent *x509.Certificate, key, signer *ecdsa.PrivateKey) (Pair, error) {
	der, err := x509.CreateCertificate(rand.Reader, t, parent, key.Public(), signer)
	if err != nil {
		return Pair{}, fmt.Errorf("certificate %s: %w", t.Subject.CommonName, err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return Pair{}, fmt.Errorf("certificate %s: %w", t.Subject.CommonName, err)
	}
	return Pair{Certificate: certificate, Key: key}, nil
}

func keyPEM(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: keyBlock, Bytes: der}), nil
}

func publicPEM(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: publicBlock, Bytes: der}), nil
}

func parseCertificate(content []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(content)
	if block == nil || block.Type != certificateBlock {
		return nil, errPEM
	}
	return x509.ParseCertificate(block.Bytes)
}

func parseKey(content []byte) (*ecdsa.PrivateKey, error) {
	block, _ := pem.Decode(content)
	if block == nil {
		return nil, errPEM
	}
	switch block.Type {
	case keyBlock:
		return x509.ParseECPrivateKey(block.Bytes)
	case "PRIVATE KEY":
		parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			return nil, err
		}
		if key, is := parsed.(*ecdsa.PrivateKey); is {
			return key, nil
		}
	}
	return nil, errPEM
}
