package nodejoin

import (
	"context"
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
	"strings"
	"sync"
	"testing"
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
	"github.com/kube-aliyun/kube-aliyun/pkg/event"
)

const (
	fresh, taken = "10.99.0.41", "10.99.0.31"
	client       = certificatesv1.KubeAPIServerClientKubeletSignerName
	serving      = certificatesv1.KubeletServingSignerName
)

// vpc has the servers of both addresses.
type vpc struct{ err error }

func (v vpc) Servers(_ context.Context, filter ecs.Filter) ([]ecs.Server, error) {
	var found []ecs.Server
	for _, address := range filter.PrivateIPs {
		if (address == fresh || address == taken) && filter.VPCID == "vpc-1" {
			found = append(found, ecs.Server{ID: "i-" + address, VPCID: "vpc-1", PrivateIPs: []string{address}, HostName: "host-41"})
		}
	}
	return found, v.err
}

type events struct {
	mu   sync.Mutex
	told []string
}

func (e *events) Event(_ runtime.Object, _ *event.Reason, format string, args ...any) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.told = append(e.told, fmt.Sprintf(format, args...))
}

func (e *events) all() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return strings.Join(e.told, "\n")
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// ask is what a request says; the zero values are those of a new server's kubelet.
type ask struct {
	node, signer, user string
	groups             []string
	organization       []string
	dns                []string
	ips                []net.IP
	usages             []certificatesv1.KeyUsage
}

func (a ask) request(t *testing.T) *certificatesv1.CertificateSigningRequest {
	t.Helper()
	if a.organization == nil {
		a.organization = []string{nodesGroup}
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		Subject: pkix.Name{CommonName: userPrefix + a.node, Organization: a.organization}, DNSNames: a.dns, IPAddresses: a.ips,
	}, newKey(t))
	if err != nil {
		t.Fatal(err)
	}
	if a.usages == nil {
		a.usages = usages(a.signer == serving)[:2]
	}
	return &certificatesv1.CertificateSigningRequest{
		ObjectMeta: metav1.ObjectMeta{Name: "csr-1"},
		Spec: certificatesv1.CertificateSigningRequestSpec{
			Request:    pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}),
			SignerName: a.signer, Username: a.user, Groups: a.groups, Usages: a.usages,
		},
	}
}

// signer is the Secret with an authority that lasts as told.
func signer(t *testing.T, lasts time.Duration) *corev1.Secret {
	t.Helper()
	key := newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "nodes"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(lasts),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceSystem, Name: "signer"}, Type: corev1.SecretTypeTLS,
		Data: map[string][]byte{
			corev1.TLSCertKey:       pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
			corev1.TLSPrivateKeyKey: pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: private}),
		},
	}
}

// rig is a controller of a cluster that has the Node taken.
func rig(t *testing.T, cloud Cloud, objects ...runtime.Object) (*Controller, *fake.Clientset, *events) {
	t.Helper()
	indexer := cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{})
	if err := indexer.Add(&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: taken}}); err != nil {
		t.Fatal(err)
	}
	kube, told := fake.NewClientset(objects...), &events{}
	return New(Options{
		Client: kube, Nodes: corelisters.NewNodeLister(indexer), Cloud: cloud, Events: told, VPCID: "vpc-1",
		Namespace: metav1.NamespaceSystem, Secret: "signer", Clock: clock.RealClock{},
	}), kube, told
}

var (
	joiners = []string{"system:bootstrappers", BootstrapGroup, "system:authenticated"}
	kubelet = []string{nodesGroup, "system:authenticated"}
	token   = "system:bootstrap:abcdef"
)

func TestOnlyAServerOfTheVPCBecomesANodeThatIsNotThereYet(t *testing.T) {
	for name, test := range map[string]struct {
		ask  ask
		want string
	}{
		"a new server":                  {ask{node: fresh, signer: client, user: token, groups: joiners}, ""},
		"a Node that is there":          {ask{node: taken, signer: client, user: token, groups: joiners}, "there is a Node 10.99.0.31 already"},
		"no server's address":           {ask{node: "10.99.0.77", signer: client, user: token, groups: joiners}, "no server of VPC vpc-1 has the address 10.99.0.77"},
		"a name that is no address":     {ask{node: "web-1", signer: client, user: token, groups: joiners}, "named by their server's private address"},
		"a serving certificate":         {ask{node: fresh, signer: serving, user: token, groups: joiners, ips: []net.IP{net.ParseIP(fresh)}}, errNotOurs.Error()},
		"another kind of token":         {ask{node: fresh, signer: client, user: token, groups: []string{"system:bootstrappers"}}, errNotOurs.Error()},
		"a person":                      {ask{node: fresh, signer: client, user: "admin", groups: []string{"system:authenticated"}}, errNotOurs.Error()},
		"a Node's own":                  {ask{node: taken, signer: client, user: userPrefix + taken, groups: kubelet}, ""},
		"another Node's":                {ask{node: fresh, signer: client, user: userPrefix + taken, groups: kubelet}, errNotOurs.Error()},
		"serving under its address":     {ask{node: taken, signer: serving, user: userPrefix + taken, groups: kubelet, ips: []net.IP{net.ParseIP(taken)}, dns: []string{"host-41"}}, ""},
		"serving under another's":       {ask{node: taken, signer: serving, user: userPrefix + taken, groups: kubelet, ips: []net.IP{net.ParseIP(taken), net.ParseIP(fresh)}}, "neither an address nor a host name 10.99.0.41"},
		"serving under a Service's":     {ask{node: taken, signer: serving, user: userPrefix + taken, groups: kubelet, dns: []string{"kubernetes.default"}}, "kubernetes.default"},
		"a user who is called as a one": {ask{node: taken, signer: client, user: userPrefix + taken, groups: nil}, errNotOurs.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			c, _, _ := rig(t, vpc{})
			csr := test.ask.request(t)
			r, err := parse(csr)
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.judge(t.Context(), csr, r)
			if got := fmt.Sprint(err); (test.want == "") != (err == nil) || !strings.Contains(got, test.want) {
				t.Errorf("got %s, want %q", got, test.want)
			}
		})
	}
}

func TestNothingButAKubeletsCertificateIsEverSigned(t *testing.T) {
	for name, a := range map[string]ask{
		"an administrator":        {node: fresh, signer: client, organization: []string{"system:masters"}},
		"a node and more":         {node: fresh, signer: client, organization: []string{nodesGroup, "system:masters"}},
		"nobody":                  {signer: client},
		"a client with a name":    {node: fresh, signer: client, dns: []string{"kubernetes"}},
		"a server without a name": {node: fresh, signer: serving},
		"an authority":            {node: fresh, signer: client, usages: []certificatesv1.KeyUsage{certificatesv1.UsageClientAuth, certificatesv1.UsageCertSign}},
		"a client that serves":    {node: fresh, signer: client, usages: []certificatesv1.KeyUsage{certificatesv1.UsageServerAuth, certificatesv1.UsageDigitalSignature}},
	} {
		t.Run(name, func(t *testing.T) {
			csr := a.request(t)
			csr.Status.Conditions = []certificatesv1.CertificateSigningRequestCondition{{Type: certificatesv1.CertificateApproved, Status: corev1.ConditionTrue}}
			c, kube, _ := rig(t, vpc{}, csr, signer(t, 24*time.Hour))
			if err := c.sync(t.Context(), csr.DeepCopy()); err != nil {
				t.Fatal(err)
			}
			got, err := kube.CertificatesV1().CertificateSigningRequests().Get(t.Context(), csr.Name, metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Status.Certificate) > 0 || !has(got, certificatesv1.CertificateFailed) {
				t.Errorf("it is signed, though somebody approved it: %v", got.Status.Conditions)
			}
		})
	}
}

func TestCertificateIsWhatWasAskedForAndDoesNotOutliveItsAuthority(t *testing.T) {
	for name, test := range map[string]struct {
		authority time.Duration
		seconds   int32
		want      time.Duration
	}{
		"by default": {365 * 24 * time.Hour, 0, Lifetime}, "less": {365 * 24 * time.Hour, 3600, time.Hour}, "at the end": {2 * time.Hour, 0, 2 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			c, _, _ := rig(t, vpc{}, signer(t, test.authority))
			csr := ask{node: fresh, signer: serving, ips: []net.IP{net.ParseIP(fresh)}}.request(t)
			if test.seconds > 0 {
				csr.Spec.ExpirationSeconds = &test.seconds
			}
			r, err := parse(csr)
			if err != nil {
				t.Fatal(err)
			}
			authority, key, err := c.authority(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			signed, err := sign(r, &csr.Spec, authority, key, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			block, _ := pem.Decode(signed)
			certificate, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				t.Fatal(err)
			}
			pool := x509.NewCertPool()
			pool.AddCert(authority)
			if _, err := certificate.Verify(x509.VerifyOptions{Roots: pool, DNSName: fresh}); err != nil {
				t.Error(err)
			}
			if certificate.IsCA || certificate.Subject.String() != "CN=system:node:"+fresh+",O=system:nodes" {
				t.Errorf("subject %s, authority %v", certificate.Subject, certificate.IsCA)
			}
			if off := time.Until(certificate.NotAfter) - test.want; off < -time.Minute || off > time.Minute {
				t.Errorf("it ends at %s", certificate.NotAfter)
			}
		})
	}
}

func TestServerGetsItsCertificateAsSoonAsTheAuthorityIsThere(t *testing.T) {
	csr := ask{node: fresh, signer: client, user: token, groups: joiners}.request(t)
	c, kube, told := rig(t, vpc{}, csr)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = c.Run(ctx) })
	defer running.Wait()
	defer cancel()
	get := func() *certificatesv1.CertificateSigningRequest {
		t.Helper()
		got, err := kube.CertificatesV1().CertificateSigningRequests().Get(t.Context(), csr.Name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	await := func(what string, holds func() bool) {
		t.Helper()
		for began := time.Now(); !holds(); <-time.After(10 * time.Millisecond) {
			if time.Since(began) > 30*time.Second {
				t.Fatalf("%s: %v; %s", what, get().Status.Conditions, told.all())
			}
		}
	}
	await("it is approved, and the missing authority told", func() bool {
		return has(get(), certificatesv1.CertificateApproved) && strings.Contains(told.all(), "Secret kube-system/signer does not exist")
	})
	if _, err := kube.CoreV1().Secrets(metav1.NamespaceSystem).Create(t.Context(), signer(t, time.Hour), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	await("it is signed", func() bool { return len(get().Status.Certificate) > 0 })
}

func TestCloudThatDoesNotAnswerIsNoRefusal(t *testing.T) {
	down := errors.New("the cloud does not answer")
	csr := ask{node: fresh, signer: client, user: token, groups: joiners}.request(t)
	c, kube, _ := rig(t, vpc{err: down}, csr)
	if err := c.sync(t.Context(), csr.DeepCopy()); !errors.Is(err, down) {
		t.Errorf("got %v", err)
	}
	for _, action := range kube.Actions() {
		if action.GetVerb() == "update" {
			t.Errorf("it is decided all the same: %v", action)
		}
	}
}
