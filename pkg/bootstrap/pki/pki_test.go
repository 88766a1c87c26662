package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	assets "github.com/kube-aliyun/kube-aliyun/deploy/bootstrap"
	"github.com/kube-aliyun/kube-aliyun/pkg/bootstrap/clusterfile"
	"github.com/kube-aliyun/kube-aliyun/pkg/bootstrap/placeholder"
)

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

const year = 365 * 24 * time.Hour

// cluster has a server of each role.
func cluster() *clusterfile.Cluster {
	c := clusterfile.Defaults()
	c.Name, c.Region, c.VPC.CIDR, c.LoadBalancer.Address = "test", "cn-hangzhou", "10.99.0.0/24", "10.99.0.100"
	c.Servers = []clusterfile.Server{
		{Role: clusterfile.Etcd, Address: "10.99.0.11"}, {Role: clusterfile.Master, Address: "10.99.0.21"},
		{Role: clusterfile.Node, Address: "10.99.0.31", PublicAddress: "203.0.113.31"},
	}
	return c
}

func list(t *testing.T, c *clusterfile.Cluster) []Wanted {
	t.Helper()
	wanted, err := List(c, assets.Files, nil)
	if err != nil {
		t.Fatal(err)
	}
	return wanted
}

func issue(t *testing.T, c *clusterfile.Cluster, there Files, o Options) (Files, []Change) {
	t.Helper()
	files, changes, err := Issue(list(t, c), there, o)
	if err != nil {
		t.Fatal(err)
	}
	return files, changes
}

func certificate(t *testing.T, files Files, name string) *x509.Certificate {
	t.Helper()
	c, err := parseCertificate(files[name+".crt"])
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return c
}

// rows are what each certificate is: authority, subject, purposes, hosts.
var rows = map[string]string{
	"ca":                        "ca|CN=test||",
	"etcd-ca":                   "etcd-ca|CN=test-etcd||",
	"node-ca":                   "node-ca|CN=test-nodes||",
	"front-proxy-ca":            "front-proxy-ca|CN=test-front-proxy||",
	"apiserver-10.99.0.21":      "ca|CN=kube-apiserver|server|10.3.0.1 10.99.0.100 10.99.0.21 127.0.0.1 kubernetes kubernetes.default kubernetes.default.svc kubernetes.default.svc.cluster.local localhost",
	"apiserver-kubelet-client":  "ca|CN=kube-apiserver-kubelet-client|client|",
	"apiserver-etcd-client":     "etcd-ca|CN=kube-apiserver-etcd-client|client|",
	"front-proxy-client":        "front-proxy-ca|CN=front-proxy-client|client|",
	"etcd-server-10.99.0.11":    "etcd-ca|CN=etcd|server client|10.99.0.11 127.0.0.1 localhost",
	"etcd-peer-10.99.0.11":      "etcd-ca|CN=etcd|server client|10.99.0.11",
	"etcd-admin":                "etcd-ca|CN=etcd-admin|client|",
	"kubelet-client-10.99.0.21": "ca|CN=system:node:10.99.0.21,O=system:nodes|client|",
	"kubelet-client-10.99.0.31": "ca|CN=system:node:10.99.0.31,O=system:nodes|client|",
	"kubelet-10.99.0.21":        "ca|CN=system:node:10.99.0.21,O=system:nodes|server|10.99.0.21",
	"kubelet-10.99.0.31":        "ca|CN=system:node:10.99.0.31,O=system:nodes|server|10.99.0.31 203.0.113.31",
	"controller-manager":        "ca|CN=system:kube-controller-manager|client|",
	"scheduler":                 "ca|CN=system:kube-scheduler|client|",
	"kube-proxy":                "ca|CN=system:kube-proxy|client|",
	"aliyun-controller":         "ca|CN=system:aliyun-controller|client|",
	"admin":                     "ca|CN=admin,O=system:masters|client|",
}

func TestR10R11EveryCertificateIsWhatItsComponentNeeds(t *testing.T) {
	files, _ := issue(t, cluster(), Files{}, Options{Now: now})
	var names []string
	for file := range files {
		if name, is := strings.CutSuffix(file, ".crt"); is {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	if want := slices.Sorted(maps.Keys(rows)); !slices.Equal(names, want) {
		t.Errorf("certificates %v, want %v", names, want)
	}
	purposes := map[x509.ExtKeyUsage]string{x509.ExtKeyUsageServerAuth: "server", x509.ExtKeyUsageClientAuth: "client"}
	for name, want := range rows {
		c := certificate(t, files, name)
		authority, _, _ := strings.Cut(want, "|")
		parent := certificate(t, files, authority)
		var uses []string
		for _, use := range c.ExtKeyUsage {
			uses = append(uses, purposes[use])
		}
		sortedHosts := strings.Fields(hosts(c))
		slices.Sort(sortedHosts)
		if got := fmt.Sprintf("%s|%s|%s|%s", authority, c.Subject, strings.Join(uses, " "), strings.Join(slices.Compact(sortedHosts), " ")); got != want {
			t.Errorf("%s is %s\nwant %s", name, got, want)
		}
		if err := c.CheckSignatureFrom(parent); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if key, is := c.PublicKey.(*ecdsa.PublicKey); !is || key.Curve != elliptic.P256() {
			t.Errorf("%s has a key of another kind", name)
		}
		if !c.NotBefore.Equal(now.Add(-5*time.Minute)) || c.NotAfter.After(parent.NotAfter) {
			t.Errorf("%s is from %s to %s", name, c.NotBefore, c.NotAfter)
		}
		lasts, wantLasts := c.NotAfter.Sub(c.NotBefore), year
		switch {
		case c.IsCA:
			wantLasts = 10 * year
		case name == "admin":
			wantLasts = 90 * 24 * time.Hour
		}
		if lasts != wantLasts || c.IsCA != (authority == name) {
			t.Errorf("%s lasts %s, authority %v", name, lasts, c.IsCA)
		}
	}
}

func TestR10CertificateEndsWithItsAuthority(t *testing.T) {
	files, _ := issue(t, cluster(), Files{}, Options{Now: now})
	late := now.Add(10*year - 24*time.Hour)
	renewed, _ := issue(t, cluster(), files, Options{Now: late, Renew: true, RenewBefore: time.Hour})
	if c, ca := certificate(t, renewed, "scheduler"), certificate(t, renewed, "ca"); !c.NotAfter.Equal(ca.NotAfter) {
		t.Errorf("the certificate ends on %s, its authority on %s", c.NotAfter, ca.NotAfter)
	}
}

func TestR13UnknownProfileIsAnError(t *testing.T) {
	content, err := assets.Files.ReadFile("certificates/config.json")
	if err != nil {
		t.Fatal(err)
	}
	config, err := ParseConfig(content)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := config.Profile("sever"); err == nil {
		t.Error("a profile that is not there is taken for the default one")
	}
	if _, err := ParseConfig([]byte(`{"signing": {"profiles": {"a": {"usages": ["sever auth"], "expiry": "1h"}}}}`)); err == nil {
		t.Error("an unknown usage is taken")
	}
}

// article are the four requests of the article, as they stand there.
var article = map[string]string{
	"apiserver": `{"CN": "${CLUSTER_NAME}", "hosts": ["kubernetes", "kubernetes.default", "kubernetes.default.svc",
 "kubernetes.default.svc.cluster.local", "10.3.0.1", "${SERVER_PRIVATE_IP}", "${SERVER_PUBLIC_IP}", "${LOAD_BALANCER_IP}"],
 "key": {"algo": "ecdsa", "size": 256}}`,
	"kubelet":         `{"CN": "${SERVER_NAME}", "hosts": ["${SERVER_NAME}", "${SERVER_PRIVATE_IP}", "${SERVER_PUBLIC_IP}"], "key": {"algo": "ecdsa", "size": 256}}`,
	"service-account": `{"CN": "service-account", "hosts": ["service-account"], "key": {"algo": "ecdsa", "size": 256}}`,
	"admin":           `{"CN": "${USERNAME}", "hosts": ["${USERNAME}"], "key": {"algo": "ecdsa", "size": 256}}`,
}

func TestR14RequestsOfTheArticleAreTaken(t *testing.T) {
	c := cluster()
	values, err := c.ServerValues(c.Servers[1])
	if err != nil {
		t.Fatal(err)
	}
	own := fstest.MapFS{}
	for name, text := range article {
		filled, err := values.With(placeholder.Values{"SERVER_PUBLIC_IP": ""}).Fill(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseRequest([]byte(filled)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		own[name+".json"] = &fstest.MapFile{Data: []byte(text)}
	}
	own["apiserver.json"].Data = []byte(strings.Replace(article["apiserver"], `"kubernetes",`, `"kubernetes", "api.example.com",`, 1))
	wanted, err := List(c, assets.Files, own)
	if err != nil {
		t.Fatal(err)
	}
	files, _, err := Issue(wanted, Files{}, Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	api := certificate(t, files, "apiserver-10.99.0.21")
	for _, host := range []string{"api.example.com", "127.0.0.1", "10.99.0.100"} {
		if err := api.VerifyHostname(host); err != nil {
			t.Error(err)
		}
	}
	// A bare pair: nobody needs a certificate of it.
	private, _ := pem.Decode(files["sa.key"])
	public, _ := pem.Decode(files["sa.pub"])
	if private.Type != "EC PRIVATE KEY" || public.Type != "PUBLIC KEY" || files["sa.crt"] != nil {
		t.Errorf("the key of service accounts is %s, %s", private.Type, public.Type)
	}
}

func TestUnknownFieldOfARequestIsAnError(t *testing.T) {
	if _, err := ParseRequest([]byte(`{"CN": "a", "host": ["b"], "key": {"algo": "ecdsa", "size": 256}}`)); err == nil {
		t.Error("a typo is taken")
	}
	if _, err := ParseRequest([]byte(`{"CN": "a", "key": {"algo": "rsa", "size": 2048}}`)); err == nil {
		t.Error("another kind of key is taken")
	}
}

func TestR15RenewalKeepsAuthoritiesKeysAndWhatIsFarFromItsEnd(t *testing.T) {
	first, _ := issue(t, cluster(), Files{}, Options{Now: now})
	// The operator's own ends first.
	later := now.Add(80 * 24 * time.Hour)
	second, changes := issue(t, cluster(), first, Options{Now: later, Renew: true, RenewBefore: 30 * 24 * time.Hour})
	var renewed []string
	for _, c := range changes {
		if c.Made != "" {
			renewed = append(renewed, c.Name+" "+c.Made)
		}
	}
	if fmt.Sprint(renewed) != "[admin renewed]" {
		t.Errorf("changed: %v", renewed)
	}
	for name, content := range second {
		if same := string(content) == string(first[name]); same == (name == "admin.crt") {
			t.Errorf("%s is the same: %v", name, same)
		}
	}
	if end := certificate(t, second, "admin").NotAfter; end.Before(later.Add(80 * 24 * time.Hour)) {
		t.Errorf("it ends on %s", end)
	}
}

func TestCertificatesThatAreNotRightAreErrorsUntilRenewed(t *testing.T) {
	c := cluster()
	files, _ := issue(t, c, Files{}, Options{Now: now})
	c.LoadBalancer.Address = "10.99.0.101"
	_, _, err := Issue(list(t, c), files, Options{Now: now})
	if err == nil || !strings.Contains(err.Error(), "10.99.0.101") {
		t.Errorf("another load balancer: %v", err)
	}
	renewed, _ := issue(t, c, files, Options{Now: now, Renew: true})
	if err := certificate(t, renewed, "apiserver-10.99.0.21").VerifyHostname("10.99.0.101"); err != nil {
		t.Error(err)
	}
	if string(renewed["apiserver-10.99.0.21.key"]) != string(files["apiserver-10.99.0.21.key"]) {
		t.Error("the key is another")
	}
	_, _, err = Issue(list(t, cluster()), files, Options{Now: now.Add(2 * year)})
	if err == nil || strings.Count(err.Error(), "it has ended") != len(rows)-4 {
		t.Errorf("two years later: %v", err)
	}
}

func TestAuthoritysKeyIsNeededOnlyToSign(t *testing.T) {
	c := cluster()
	files, _ := issue(t, c, Files{}, Options{Now: now})
	for _, name := range []string{ClusterCA, EtcdCA, FrontProxyCA} {
		delete(files, name+".key")
	}
	if _, _, err := Issue(list(t, c), files, Options{Now: now}); err != nil {
		t.Errorf("nothing is to be signed: %v", err)
	}
	c.Servers = append(c.Servers, clusterfile.Server{Role: clusterfile.Node, Address: "10.99.0.32"})
	if _, _, err := Issue(list(t, c), files, Options{Now: now}); err == nil || !strings.Contains(err.Error(), "bring ca.key") {
		t.Errorf("a new node without the authority's key: %v", err)
	}
	delete(files, "ca.crt")
	if _, _, err := Issue(list(t, cluster()), files, Options{Now: now}); err == nil || !strings.Contains(err.Error(), "another authority") {
		t.Errorf("a lost authority: %v", err)
	}
}
