package slb

import (
	"cmp"
	"crypto/sha1" // #nosec G505 -- the API tells this fingerprint
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	sdk "github.com/aliyun/alibaba-cloud-sdk-go/services/slb"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

const certificateID = "ServerCertificateId"

func (p *Product) certificateActions(read, write register) {
	write("UploadServerCertificate", new(sdk.UploadServerCertificateRequest), p.uploadCertificate)
	read("DescribeServerCertificates", new(sdk.DescribeServerCertificatesRequest), p.describeCertificates)
	write("SetServerCertificateName", new(sdk.SetServerCertificateNameRequest), p.renameCertificate, certificateID, "ServerCertificateName")
	write("DeleteServerCertificate", new(sdk.DeleteServerCertificateRequest), p.deleteCertificate, certificateID)
}

func noCertificate(id string) *api.Error {
	return refuse("ServerCertificateId.NotFound", "The specified ServerCertificateId %s does not exist.", id)
}

// uploadCertificate takes a certificate with its key. Those of the certificate
// service are not simulated.
func (p *Product) uploadCertificate(c *api.Call) (api.Reply, *api.Error) {
	made := &certificate{
		ID: p.newCertificateID(), Name: c.Params["ServerCertificateName"], Created: c.Now,
		Certificate: c.Params["ServerCertificate"], Key: c.Params["PrivateKey"],
	}
	switch {
	case c.Params["AliCloudCertificateId"] != "":
		return nil, refuse("CertificateNotExist", "The specified certificate %s does not exist.", c.Params["AliCloudCertificateId"])
	case made.Certificate == "":
		return nil, api.Missing("ServerCertificate")
	case made.Key == "":
		return nil, api.Missing("PrivateKey")
	}
	parsed := made.parse()
	if block, _ := pem.Decode([]byte(made.Key)); parsed == nil || block == nil {
		return nil, refuse("KeyFormatError", "The format of the certificate or of the private key is wrong.")
	}
	if _, err := tls.X509KeyPair([]byte(made.Certificate), []byte(made.Key)); err != nil {
		return nil, refuse("CertificateNotMatchPrivateKey", "The certificate and the private key do not match.")
	}
	made.Expires = parsed.NotAfter
	var err *api.Error
	if made.Tags, err = p.readTags(c, nil); err != nil {
		return nil, err
	}
	if len(p.certificates) >= p.knobs.CertificatesPerRegion {
		return nil, refuse("QuotaLimitExceeds.Certificate", "The number of certificates exceeds the limit of %d.", p.knobs.CertificatesPerRegion)
	}
	p.certificates[made.ID] = made
	return p.certificateReply(made), nil
}

// newCertificateID makes an id as the API's are: the account and three numbers.
func (p *Product) newCertificateID() string {
	for {
		id := fmt.Sprintf("%s_%x_%d_%d", p.account, p.rand.Uint64N(1<<44), p.rand.Int32(), p.rand.Int32())
		if p.certificates[id] == nil {
			return id
		}
	}
}

// parse reads the certificate; nil when it is none.
func (c *certificate) parse() *x509.Certificate {
	block, _ := pem.Decode([]byte(c.Certificate))
	if block == nil {
		return nil
	}
	parsed, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil
	}
	return parsed
}

func (p *Product) certificateReply(c *certificate) api.Reply {
	names := []string{}
	r := api.Reply{
		certificateID: c.ID, "ServerCertificateName": c.Name, "RegionId": p.region, "RegionIdAlias": p.region,
		"ResourceGroupId": defaultResourceGroup, "IsAliCloudCertificate": 0, "CreateTime": c.Created.UTC().Format(secondPrecision),
		"CreateTimeStamp": c.Created.UnixMilli(), "Tags": tagsReply(c.Tags),
	}
	if parsed := c.parse(); parsed != nil {
		sum := sha1.Sum(parsed.Raw) // #nosec G401 -- as above
		names = append(names, parsed.DNSNames...)
		r["CommonName"], r["Fingerprint"] = parsed.Subject.CommonName, colons(sum[:])
	}
	if !c.Expires.IsZero() {
		r["ExpireTime"], r["ExpireTimeStamp"] = c.Expires.UTC().Format(secondPrecision), c.Expires.UnixMilli()
	}
	r["SubjectAlternativeNames"] = api.Reply{"SubjectAlternativeName": names}
	return r
}

// colons writes a fingerprint.
func colons(sum []byte) string {
	parts := make([]string, len(sum))
	for i := range sum {
		parts[i] = hex.EncodeToString(sum[i : i+1])
	}
	return strings.Join(parts, ":")
}

// describeCertificates tells all certificates, or one, in one reply.
func (p *Product) describeCertificates(c *api.Call) (api.Reply, *api.Error) {
	pairs, err := tagFilter(c)
	if err != nil {
		return nil, err
	}
	items := []any{}
	for _, one := range slices.SortedFunc(maps.Values(p.certificates), func(a, b *certificate) int { return cmp.Compare(a.ID, b.ID) }) {
		if id := c.Params[certificateID]; id != "" && id != one.ID || !p.hasTags(one.Tags, pairs, c) {
			continue
		}
		items = append(items, p.certificateReply(one))
	}
	return api.Reply{"ServerCertificates": api.Reply{"ServerCertificate": items}}, nil
}

func (p *Product) renameCertificate(c *api.Call) (api.Reply, *api.Error) {
	one := p.certificates[c.Params[certificateID]]
	if one == nil {
		return nil, noCertificate(c.Params[certificateID])
	}
	one.Name = c.Params["ServerCertificateName"]
	return api.Reply{}, nil
}

func (p *Product) deleteCertificate(c *api.Call) (api.Reply, *api.Error) {
	id := c.Params[certificateID]
	if p.certificates[id] == nil {
		return nil, noCertificate(id)
	}
	for _, lb := range p.byID {
		for _, l := range lb.Listeners {
			extended := slices.ContainsFunc(l.Extensions, func(e extension) bool { return e.CertificateID == id })
			if l.Protocol == "https" && l.value(certificateID) == id || extended {
				return nil, refuse("CertificateAndPrivateKeyIsRefered", "The certificate %s is used by a listener of %s.", id, lb.ID)
			}
		}
	}
	delete(p.certificates, id)
	return api.Reply{}, nil
}

// ExpireCertificate lets a certificate end at a time.
func (p *Product) ExpireCertificate(id string, at time.Time) error {
	one := p.certificates[id]
	if one == nil {
		return fmt.Errorf("no certificate %q", id)
	}
	one.Expires = at
	return nil
}
