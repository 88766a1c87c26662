package slb

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
	simslb "github.com/kube-aliyun/kube-aliyun/test/aliyunsim/slb"
)

func TestCertificatesAndDomainExtensions(t *testing.T) {
	sim, c := newRig(t, aliyunsim.Options{Profile: "instant"})
	end := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	sim.Do(func(r *aliyunsim.Region) {
		if err := r.SLB.Seed(simslb.Seed{Certificates: []simslb.CertificateSeed{
			{ID: "cert-1", Name: "one", Expires: end, Tags: map[string]string{"k": "v"}}, {ID: "cert-2"},
		}}); err != nil {
			t.Error(err)
		}
	})
	all, err := c.Certificates(t.Context())
	if err != nil || len(all) != 2 || !all[0].Expires.Equal(end) || all[0].Name != "one" || all[0].Tags["k"] != "v" || !all[1].Expires.IsZero() {
		t.Errorf("%+v, %v", all, err)
	}
	lb := newLB(t, c, "web", nil)
	if err := c.CreateListener(t.Context(), Listener{
		LoadBalancerID: lb.ID, ListenerKey: ListenerKey{Protocol: HTTPS, Port: 443}, BackendPort: 30443, Attributes: Attributes{ServerCertificate: "cert-1"},
	}); err != nil {
		t.Fatal(err)
	}
	id, err := c.CreateExtension(t.Context(), lb.ID, 443, Extension{Domain: "a.example.com", Certificate: "cert-1"})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.SetExtension(t.Context(), Extension{ID: id, Certificate: "cert-2"}); err != nil {
		t.Fatal(err)
	}
	got, err := c.Extensions(t.Context(), lb.ID, 443)
	if d := cmp.Diff([]Extension{{ID: id, Domain: "a.example.com", Certificate: "cert-2"}}, got); d != "" || err != nil {
		t.Errorf("%s %v", d, err)
	}
	if err := c.DeleteExtension(t.Context(), got[0]); err != nil {
		t.Fatal(err)
	}
	if got, err = c.Extensions(t.Context(), lb.ID, 443); err != nil || len(got) > 0 {
		t.Errorf("%+v, %v", got, err)
	}
}
