package tour

import (
	"errors"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-aliyun/kube-aliyun/test/environment/cloud"
)

// withMaster is a world as told in which the only Node is a master.
func withMaster() world {
	w := asTold()
	w.nodes[0].Labels[masterKey] = ""
	w.nodes[0].Labels[corev1.LabelNodeExcludeBalancers] = ""
	w.nodes[0].Spec.Taints = []corev1.Taint{{Key: masterKey, Effect: corev1.TaintEffectNoSchedule}}
	return w
}

func TestMasterIsBehindNoLoadBalancer(t *testing.T) {
	w := withMaster()
	if missing := balanced(w); !strings.Contains(missing, "i-demo1") {
		t.Errorf("a master behind a load balancer: %q", missing)
	}
	w.LoadBalancers[0].Backends = nil
	if missing := balanced(w); missing != "" {
		t.Errorf("a master behind none: %q", missing)
	}
}

func TestMasterKeepsItsTaint(t *testing.T) {
	if missing := initialised(withMaster()); missing != "" {
		t.Error(missing)
	}
}

func TestMasterAndItsRouteStay(t *testing.T) {
	w := withMaster()
	w.LoadBalancers = nil
	if missing := empty(w); missing != "" {
		t.Error(missing)
	}
	w.Routes = append(w.Routes, cloud.Route{Destination: "10.244.9.0/24", NextHop: "i-demo9"})
	if missing := empty(w); !strings.Contains(missing, "10.244.9.0/24") {
		t.Errorf("a worker's route: %q", missing)
	}
}

func TestRequestsAreCountedByTheTimeTheyWereMade(t *testing.T) {
	begin := time.Now()
	at := func(seconds int) time.Time { return begin.Add(time.Duration(seconds) * time.Second) }
	lost := errors.New("no answer")
	r := &requests{made: []request{{at: at(4), err: lost}, {at: at(0), err: lost}, {at: at(1)}, {at: at(2), err: lost}, {at: at(5), err: lost}}}
	o := r.between(at(1), at(5))
	if o.made != 3 || o.failed != 2 || o.first != at(2) || o.last != at(4) || !errors.Is(o.why, lost) {
		t.Errorf("got %+v", o)
	}
	if text := o.String(); text != "2 of 3 requests failed" {
		t.Error(text)
	}
	if text := r.between(at(1), at(2)).String(); text != "none of 1 requests failed" {
		t.Error(text)
	}
}
