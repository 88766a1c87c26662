package integration

import (
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	cloudproviderapi "k8s.io/cloud-provider/api"

	"github.com/kube-aliyun/kube-aliyun/test/cluster"
	"github.com/kube-aliyun/kube-aliyun/test/rig"
)

// fresh is rig.New without the Events of earlier tests, whose Nodes had the same
// names.
func fresh(t *testing.T, options rig.Options) *rig.Rig {
	t.Helper()
	client := cluster.Shared(t).Client()
	namespaces, err := client.CoreV1().Namespaces().List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range namespaces.Items {
		err := client.CoreV1().Events(namespaces.Items[i].Name).DeleteCollection(t.Context(), metav1.DeleteOptions{}, metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
	}
	return rig.New(t, options)
}

// tracesIn lists what a controller has left in Kubernetes: lease, cluster ID,
// Events, changed Nodes.
func tracesIn(r *rig.Rig) []string {
	r.T.Helper()
	ctx := r.T.Context()
	var traces []string
	note := func(what string, err error) {
		switch {
		case err == nil:
			traces = append(traces, what)
		case !apierrors.IsNotFound(err):
			r.T.Fatal(err)
		}
	}
	_, err := r.Client.CoordinationV1().Leases(metav1.NamespaceSystem).Get(ctx, "cloud-controller-manager", metav1.GetOptions{})
	note("the lease", err)
	_, err = r.Client.CoreV1().ConfigMaps(metav1.NamespaceSystem).Get(ctx, "kube-aliyun", metav1.GetOptions{})
	note("ConfigMap kube-aliyun", err)
	events, err := r.Client.CoreV1().Events(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
	if err != nil {
		r.T.Fatal(err)
	}
	for i := range events.Items {
		if e := &events.Items[i]; strings.HasPrefix(e.Source.Component, "aliyun-controller") || strings.HasPrefix(e.Source.Component, "cloud-") {
			traces = append(traces, "event "+e.Reason+" on "+e.InvolvedObject.Name)
		}
	}
	nodes, err := r.Client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		r.T.Fatal(err)
	}
	for i := range nodes.Items {
		if n := &nodes.Items[i]; n.Spec.ProviderID != "" || !hasTaint(n, cloudproviderapi.TaintExternalCloudProvider) {
			traces = append(traces, "initialised Node "+n.Name)
		}
	}
	return traces
}
