package audit

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/plan"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// reader is a cloud of n load balancers, each with one listener.
type reader struct {
	mu                       sync.Mutex
	n                        int
	gone                     map[string]bool
	late                     map[string]bool // the listener is not in listings yet
	gets, lists, listenerses []string
}

func id(n int) string { return fmt.Sprintf("lb-%02d", n) }

func notFound(action string) error {
	return apierror.New("Slb", action, "InvalidLoadBalancerId.NotFound", "The specified LoadBalancerId does not exist.", "", 404)
}

func (r *reader) List(context.Context, slb.Filter) ([]slb.LoadBalancer, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lists = append(r.lists, "")
	var out []slb.LoadBalancer
	for n := range r.n {
		out = append(out, slb.LoadBalancer{ID: id(n), Tags: map[string]string{ownership.TagServiceUID: "u"}})
	}
	return append(out, slb.LoadBalancer{ID: "lb-unmarked"}), nil
}

func (r *reader) Get(_ context.Context, id string) (slb.LoadBalancer, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gets = append(r.gets, id)
	if r.gone[id] {
		return slb.LoadBalancer{}, notFound("DescribeLoadBalancerAttribute")
	}
	return slb.LoadBalancer{ID: id, Ports: []slb.ListenerKey{{Protocol: slb.TCP, Port: 80}}}, nil
}

func (r *reader) Listeners(_ context.Context, ids ...string) ([]slb.Listener, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.listenerses = append(r.listenerses, fmt.Sprint(ids))
	var out []slb.Listener
	for _, id := range ids {
		if r.gone[id] {
			return nil, notFound("DescribeLoadBalancerListeners")
		}
		if !r.late[id] {
			out = append(out, slb.Listener{LoadBalancerID: id, ListenerKey: slb.ListenerKey{Protocol: slb.TCP, Port: 80}})
		}
	}
	return out, nil
}

func (r *reader) Groups(context.Context, string) ([]slb.Group, error) {
	return nil, errors.New("no listener uses a group")
}

func (r *reader) Group(context.Context, string) (slb.Group, error) {
	return slb.Group{}, errors.New("there is no group")
}

func (r *reader) ACLs(context.Context, slb.ACLFilter) ([]slb.ACL, error) {
	return nil, errors.New("no load balancer is marked")
}

func (r *reader) ACL(context.Context, string) (slb.ACL, error) {
	return slb.ACL{}, errors.New("no listener uses an access control list")
}

func (r *reader) Extensions(context.Context, string, int) ([]slb.Extension, error) {
	return nil, errors.New("no listener has domain extensions")
}

func TestSurveyReadsEachLoadBalancerOnce(t *testing.T) {
	r := &reader{n: 25}
	listed, found, err := Survey(t.Context(), r, "c", time.Now)
	if err != nil || len(listed) != 25 || len(found) != 25 {
		t.Fatalf("%d listed, %d found, %v", len(listed), len(found), err)
	}
	if len(r.lists) != 1 || len(r.listenerses) != 3 || len(r.gets) != 25 {
		t.Errorf("%d lists, %d listeners, %d gets", len(r.lists), len(r.listenerses), len(r.gets))
	}
}

func TestContradictingAnswersAreNoObservation(t *testing.T) {
	r := &reader{n: 3, late: map[string]bool{id(1): true}}
	_, found, err := Survey(t.Context(), r, "c", time.Now)
	if err != nil || len(found) != 2 {
		t.Errorf("%v, %v", found, err)
	}
	if _, err := Read(t.Context(), r, id(1), time.Now); !errors.Is(err, errInconsistent) {
		t.Errorf("error = %v", err)
	}
}

func TestLoadBalancerThatIsGoneIsProvenSoAndHarmsNoOther(t *testing.T) {
	r := &reader{n: 3, gone: map[string]bool{id(1): true}}
	_, found, err := Survey(t.Context(), r, "c", time.Now)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, o := range found {
		got[o.ID] = o.Actual != nil
	}
	if diff := cmp.Diff(map[string]bool{id(0): true, id(1): false, id(2): true}, got); diff != "" {
		t.Error(diff)
	}
}

func TestGroupsThatAreKnownAreNotReadAgain(t *testing.T) {
	if err := ReadGroups(t.Context(), &reader{}, &plan.Actual{GroupsUnknown: true}); err == nil {
		t.Fatal("the groups were not read")
	}
	if err := ReadGroups(t.Context(), &reader{}, &plan.Actual{}); err != nil {
		t.Errorf("they were read again: %v", err)
	}
}

// oneGroup has a server group, about which it answers one after the other.
type oneGroup struct {
	reader

	answers [][]slb.Backend
	asked   int
}

func (o *oneGroup) Groups(context.Context, string) ([]slb.Group, error) {
	return []slb.Group{{ID: "rsp-1"}}, nil
}

func (o *oneGroup) Group(context.Context, string) (slb.Group, error) {
	o.asked++
	return slb.Group{ID: "rsp-1", Backends: o.answers[o.asked-1]}, nil
}

func TestGroupInUseIsEmptyOnlyWhenTwoAnswersSayIt(t *testing.T) {
	members := []slb.Backend{{ServerID: "i-1", Port: 80}}
	used := []slb.Listener{{GroupID: "rsp-1"}}
	for name, c := range map[string]struct {
		listeners []slb.Listener
		answers   [][]slb.Backend
		members   int
	}{
		"one answer lacks the members": {used, [][]slb.Backend{nil, members}, 1},
		"two do":                       {used, [][]slb.Backend{nil, nil}, 0},
		"none does":                    {used, [][]slb.Backend{members}, 1},
		"no listener uses it":          {nil, [][]slb.Backend{nil}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			cloud := &oneGroup{answers: c.answers}
			actual := &plan.Actual{GroupsUnknown: true, Listeners: c.listeners}
			if err := ReadGroups(t.Context(), cloud, actual); err != nil || len(actual.Groups[0].Backends) != c.members || cloud.asked != len(c.answers) {
				t.Errorf("%v, error %v, asked %d times", actual.Groups, err, cloud.asked)
			}
		})
	}
}
