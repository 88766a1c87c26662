package nodejoin

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	certificatesv1 "k8s.io/api/certificates/v1"
)

// Names that Kubernetes gives to kubelets.
const (
	userPrefix = "system:node:"
	nodesGroup = "system:nodes"
	// BootstrapGroup is the group of the tokens that servers join with.
	BootstrapGroup = "system:bootstrappers:kube-aliyun"
)

var errForm = errors.New("it is not what a kubelet asks for")

// request is a kubelet's request for a certificate.
type request struct {
	x509 *x509.CertificateRequest
	// node is the Node's name, out of the certificate's.
	node string
	// serving tells a certificate for kubelet's own port from one for the API.
	serving bool
}

// usages are those that a kubelet's certificates may have; the first is the one that
// they are for. Key encipherment belongs to keys of RSA.
func usages(serving bool) []certificatesv1.KeyUsage {
	purpose := certificatesv1.UsageClientAuth
	if serving {
		purpose = certificatesv1.UsageServerAuth
	}
	return []certificatesv1.KeyUsage{purpose, certificatesv1.UsageDigitalSignature, certificatesv1.UsageKeyEncipherment}
}

// parse reads a request of one of the two signers. Whatever is not exactly a
// kubelet's is an error: nothing else is ever signed, whoever approves it.
func parse(csr *certificatesv1.CertificateSigningRequest) (*request, error) {
	block, rest := pem.Decode(csr.Spec.Request)
	if block == nil || block.Type != "CERTIFICATE REQUEST" || len(rest) > 0 {
		return nil, fmt.Errorf("no single PEM block with a request: %w", errForm)
	}
	parsed, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errForm, err)
	}
	if err := parsed.CheckSignature(); err != nil {
		return nil, fmt.Errorf("%w: %w", errForm, err)
	}
	r := &request{x509: parsed, serving: csr.Spec.SignerName == certificatesv1.KubeletServingSignerName}
	node, is := strings.CutPrefix(parsed.Subject.CommonName, userPrefix)
	if !is || node == "" || !slices.Equal(parsed.Subject.Organization, []string{nodesGroup}) {
		return nil, fmt.Errorf("its subject is %s: %w", parsed.Subject, errForm)
	}
	r.node = node
	allowed := usages(r.serving)
	if !slices.Contains(csr.Spec.Usages, allowed[0]) {
		return nil, fmt.Errorf("it has not the usage %s: %w", allowed[0], errForm)
	}
	for _, usage := range csr.Spec.Usages {
		if !slices.Contains(allowed, usage) {
			return nil, fmt.Errorf("it has the usage %s: %w", usage, errForm)
		}
	}
	hosts := len(parsed.DNSNames) + len(parsed.IPAddresses)
	switch {
	case len(parsed.EmailAddresses)+len(parsed.URIs) > 0, !r.serving && hosts > 0:
		return nil, fmt.Errorf("it has other names than the Node's: %w", errForm)
	case r.serving && hosts == 0:
		return nil, fmt.Errorf("it has neither an address nor a host name: %w", errForm)
	}
	return r, nil
}

// hosts are the names and addresses of a request.
func (r *request) hosts() []string {
	all := slices.Clone(r.x509.DNSNames)
	for _, ip := range r.x509.IPAddresses {
		if address, ok := netip.AddrFromSlice(ip); ok {
			all = append(all, address.Unmap().String())
		}
	}
	return all
}
