// Package loadbalancer is the framework's LoadBalancer: it leads Services
// through build, plan and apply, one pass at a time for each Service.
package loadbalancer

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	corelisters "k8s.io/client-go/listers/core/v1"
	discoverylisters "k8s.io/client-go/listers/discovery/v1"
	"k8s.io/utils/clock"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/vpc"
	"github.com/kube-aliyun/kube-aliyun/pkg/config"
	"github.com/kube-aliyun/kube-aliyun/pkg/event"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/annotation"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/apply"
)

// Events records events on objects; *event.Recorder does.
type Events interface {
	Event(object runtime.Object, reason *event.Reason, format string, args ...any)
}

// LiveServices reads Services from the API server, past every cache; a
// clientset's CoreV1().Services(namespace).Get in one call.
type LiveServices interface {
	GetService(ctx context.Context, namespace, name string, options metav1.GetOptions) (*corev1.Service, error)
}

// Interfaces lists network interfaces; *ecs.Client does.
type Interfaces interface {
	Interfaces(ctx context.Context, filter ecs.InterfaceFilter) ([]ecs.Interface, error)
}

// Options of New. Everything but what says otherwise is required.
type Options struct {
	ClusterID string
	// ClusterName is for people and may be empty.
	ClusterName string
	// Location names region, VPC and vSwitches.
	Location config.Location
	// Settings are the cluster-wide settings.
	Settings config.LoadBalancer
	// APIEndpoints are hosts, as names or addresses, under which the cluster's API
	// server is reached: a load balancer that has one of them is never used.
	APIEndpoints []string
	// Predecessors names a lock of another controller for load balancers that was
	// renewed in the last minute, or ""; nil: there is none.
	Predecessors func(ctx context.Context) (string, error)
	// Cloud makes the SLB calls; *slb.Client does.
	Cloud apply.Cloud
	// ElasticIPs lists the elastic IPs that are bound to load balancers;
	// (*vpc.Client).LoadBalancerEIPs does.
	ElasticIPs func(ctx context.Context) ([]vpc.EIP, error)
	// Services, Nodes and EndpointSlices are the listers of synced informers.
	Services       corelisters.ServiceLister
	Nodes          corelisters.NodeLister
	EndpointSlices discoverylisters.EndpointSliceLister
	// Pods reads and marks Pods, a clientset's CoreV1(), and Interfaces finds the network
	// interfaces that have their addresses, an *ecs.Client: for Services whose backends
	// are Pods.
	Pods       corev1client.PodsGetter
	Interfaces Interfaces
	// Live proves that a Service is gone before its left-over load balancer is
	// deleted. Nil: left-over load balancers are only reported.
	Live LiveServices
	// DeleteOrphans deletes load balancers of this cluster whose Service is proven
	// gone; they are only reported otherwise.
	DeleteOrphans bool
	Events        Events
	// Statuses writes the status of a Service whose load balancer was repaired
	// without an Ensure: after a deletion by hand it has another address, which
	// the service controller would not ask for. A clientset's CoreV1(). Nil: the
	// status follows with the next Ensure.
	Statuses corev1client.ServicesGetter
	// Workers is how many Services are worked on at a time; 0: 20.
	Workers int
	// IndexLag is how long a new load balancer may be missing from listings and
	// unknown to calls; 0: 15 s.
	IndexLag time.Duration
	// Drained reports whether a node that is going has nothing left to serve: its
	// server then leaves the load balancers at once. Nil: never; it leaves when
	// the Node is deleted.
	Drained func(node *corev1.Node) bool
	// ControlPlaneBackends uses nodes with a control plane label too.
	ControlPlaneBackends bool
	// Clock defaults to the real one.
	Clock clock.WithTicker
}

const (
	defaultWorkers  = 20
	defaultIndexLag = 15 * time.Second
	// defaultAuditPeriod is used when the settings have none.
	defaultAuditPeriod = 10 * time.Minute
)

// complete checks the options and fills in the defaults.
func (o *Options) complete() error {
	var problems []error
	for name, missing := range map[string]bool{
		"ClusterID": o.ClusterID == "", "Location.Region": o.Location.Region == "", "Cloud": o.Cloud == nil, "ElasticIPs": o.ElasticIPs == nil,
		"Services": o.Services == nil, "Nodes": o.Nodes == nil, "EndpointSlices": o.EndpointSlices == nil, "Events": o.Events == nil,
		"Pods": o.Pods == nil, "Interfaces": o.Interfaces == nil,
	} {
		if missing {
			problems = append(problems, fmt.Errorf("%s is missing", name))
		}
	}
	if o.Workers == 0 {
		o.Workers = defaultWorkers
	}
	if o.IndexLag == 0 {
		o.IndexLag = defaultIndexLag
	}
	if o.Settings.AuditPeriod == 0 {
		o.Settings.AuditPeriod = defaultAuditPeriod
	}
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	if err := annotation.CheckPolicy(o.Settings.AnnotationPolicy); err != nil {
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}
