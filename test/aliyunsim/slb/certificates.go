package slb

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"time"
)

// certificateLife is how long the certificates that the simulator makes are good.
const certificateLife = 10 * 365 * 24 * time.Hour

// pair is the certificate with its key in PEM: what was seeded, else a
// self-signed one, named after the certificate's name or id, that lasts as long
// as the process.
func (c *certificate) pair() (certificate, key []byte) {
	if c.Certificate != "" {
		return []byte(c.Certificate), []byte(c.Key)
	}
	if c.made == nil {
		c.made, c.madeKey = selfSigned(c.Name + c.ID)
	}
	return c.made, c.madeKey
}

func selfSigned(name string) (certificate, key []byte) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(fmt.Sprintf("slb: no random bytes: %v", err))
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(certificateLife),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		panic(fmt.Sprintf("slb: a certificate for %q cannot be made: %v", name, err))
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		panic(fmt.Sprintf("slb: a new key cannot be encoded: %v", err))
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})
}
