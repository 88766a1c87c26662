package image

import (
	"bytes"
	"encoding/pem"
	"fmt"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// CertificatesPath is where Go's crypto/x509 looks first.
const CertificatesPath = "/etc/ssl/certs/ca-certificates.crt"

// Certificates returns, as PEM, the certificate authorities that Mozilla trusts.
// They come from a module that go.sum pins, and not from this machine, so that
// an image does not depend on where it was built. Authorities that are trusted
// only for certificates up to a day are left out: PEM cannot say so.
func Certificates() ([]byte, error) {
	var out bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint != nil {
			continue
		}
		if err := pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}); err != nil {
			return nil, fmt.Errorf("certificate authorities: %w", err)
		}
	}
	return out.Bytes(), nil
}
