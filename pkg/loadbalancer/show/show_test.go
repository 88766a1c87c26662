package show

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
)

func TestModelsArePrintedWithoutWhatIsEmpty(t *testing.T) {
	model := struct {
		Service   types.NamespacedName
		Listeners []slb.Listener
		Backends  []slb.Backend
		Tags      map[string]string
		Off       bool
		Nothing   *slb.LoadBalancer
		Instance  *slb.LoadBalancer
	}{
		Service: types.NamespacedName{Namespace: "shop", Name: "web"},
		Listeners: []slb.Listener{{
			ListenerKey: slb.ListenerKey{Protocol: slb.TCP, Port: 80}, BackendPort: 30080, Attributes: slb.Attributes{slb.Scheduler: "wrr"},
		}},
		Backends: []slb.Backend{{ServerID: "i-1", Weight: 100}, {ServerID: "i-2", Port: 30080}},
		Tags:     map[string]string{"team": ""},
		Instance: &slb.LoadBalancer{ID: "lb-1"},
	}
	want := `Backends:
- i-1 weight 100
- i-2:30080 weight 0
Instance:
  ID: lb-1
Listeners:
- Attributes:
    Scheduler: wrr
  BackendPort: 30080
  ListenerKey: tcp/80
Service: shop/web
Tags:
  team: ""
`
	got, err := Text(model)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
