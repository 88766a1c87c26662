package nodejoin

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	// Lifetime is that of a certificate, unless less is asked for. A kubelet renews
	// it after 70 to 90 % of the time.
	Lifetime = 90 * 24 * time.Hour
	// backdate is for clocks that are behind.
	backdate = 5 * time.Minute
)

var errAuthority = errors.New("it is no authority")

// authority reads certificate and key of who signs, from the Secret.
func (c *Controller) authority(ctx context.Context) (*x509.Certificate, crypto.Signer, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	name := c.options.Namespace + "/" + c.options.Secret
	secret, err := c.options.Client.CoreV1().Secrets(c.options.Namespace).Get(ctx, c.options.Secret, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil, &withheldError{fmt.Sprintf("Secret %s does not exist, so nobody can sign it: kubectl -n %s create secret tls %s --cert=... --key=... (aliyun-bootstrap's `finish` does it)",
			name, c.options.Namespace, c.options.Secret)}
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read Secret %s: %w", name, err)
	}
	pair, err := tls.X509KeyPair(secret.Data[corev1.TLSCertKey], secret.Data[corev1.TLSPrivateKeyKey])
	if err != nil {
		return nil, nil, fmt.Errorf("secret %s: %w", name, err)
	}
	certificate, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return nil, nil, fmt.Errorf("secret %s: %w", name, err)
	}
	key, is := pair.PrivateKey.(crypto.Signer)
	if !is || !certificate.IsCA {
		return nil, nil, fmt.Errorf("secret %s: %w", name, errAuthority)
	}
	return certificate, key, nil
}

// sign makes the certificate, PEM. It never outlives the authority.
func sign(r *request, spec *certificatesv1.CertificateSigningRequestSpec, authority *x509.Certificate, key crypto.Signer, now time.Time) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("serial number: %w", err)
	}
	life := Lifetime
	if spec.ExpirationSeconds != nil {
		life = min(life, time.Duration(*spec.ExpirationSeconds)*time.Second)
	}
	t := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: r.x509.Subject.CommonName, Organization: r.x509.Subject.Organization},
		NotBefore: now.Add(-backdate), NotAfter: now.Add(life), BasicConstraintsValid: true,
		DNSNames: r.x509.DNSNames, IPAddresses: r.x509.IPAddresses,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	if r.serving {
		t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	}
	for _, usage := range spec.Usages {
		if usage == certificatesv1.UsageKeyEncipherment {
			t.KeyUsage |= x509.KeyUsageKeyEncipherment
		}
	}
	if t.NotAfter.After(authority.NotAfter) {
		t.NotAfter = authority.NotAfter
	}
	der, err := x509.CreateCertificate(rand.Reader, t, authority, r.x509.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("sign the certificate of Node %s: %w", r.node, err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}
