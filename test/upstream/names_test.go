package upstream

import (
	"slices"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
)

func TestServicesAreFoundByName(t *testing.T) {
	n := &names{client: fake.NewClientset(&corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "shop"},
		Spec:       corev1.ServiceSpec{ClusterIP: "10.0.0.7"},
	})}
	tests := map[string]struct {
		name  string
		kind  dnsmessage.Type
		code  dnsmessage.RCode
		found bool
	}{
		"service":           {name: "web.shop.svc.cluster.local.", kind: dnsmessage.TypeA, found: true},
		"without IPv6":      {name: "web.shop.svc.cluster.local.", kind: dnsmessage.TypeAAAA},
		"other namespace":   {name: "web.other.svc.cluster.local.", kind: dnsmessage.TypeA, code: dnsmessage.RCodeNameError},
		"other domain":      {name: "web.shop.", kind: dnsmessage.TypeA, code: dnsmessage.RCodeNameError},
		"search in domains": {name: "web.svc.cluster.local.", kind: dnsmessage.TypeA, code: dnsmessage.RCodeNameError},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			question := dnsmessage.Message{
				Header:    dnsmessage.Header{ID: 7, RecursionDesired: true},
				Questions: []dnsmessage.Question{{Name: dnsmessage.MustNewName(test.name), Type: test.kind, Class: dnsmessage.ClassINET}},
			}
			packet, err := question.Pack()
			if err != nil {
				t.Fatal(err)
			}
			var reply dnsmessage.Message
			if err := reply.Unpack(n.answer(t.Context(), packet)); err != nil {
				t.Fatal(err)
			}
			if reply.ID != 7 || reply.RCode != test.code || (len(reply.Answers) == 1) != test.found {
				t.Fatalf("got %v", reply.GoString())
			}
			if test.found {
				if a, ok := reply.Answers[0].Body.(*dnsmessage.AResource); !ok || a.A != [4]byte{10, 0, 0, 7} {
					t.Errorf("got %v", reply.Answers[0].Body.GoString())
				}
			}
		})
	}
}

func TestNonsenseIsNotAnswered(t *testing.T) {
	n := &names{client: fake.NewClientset()}
	if reply := n.answer(t.Context(), []byte("nonsense")); reply != nil {
		t.Errorf("got %v", reply)
	}
}

func TestLibrariesOfProgramsAreFound(t *testing.T) {
	got := parseLibraries(`	linux-vdso.so.1 (0x00007f3b1ad9a000)
	libbsd.so.0 => /lib/x86_64-linux-gnu/libbsd.so.0 (0x00007f3b1ace8000)
	/lib64/ld-linux-x86-64.so.2 (0x00007f3b1ad9c000)
`)
	if want := []string{"/lib/x86_64-linux-gnu/libbsd.so.0", "/lib64/ld-linux-x86-64.so.2"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
