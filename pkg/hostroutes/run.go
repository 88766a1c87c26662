package hostroutes

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"runtime/debug"
	"sync"

	"github.com/vishvananda/netns"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	v1core "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/record"
	"k8s.io/component-base/version"
	"k8s.io/klog/v2"

	"github.com/kube-aliyun/kube-aliyun/pkg/event"
	"github.com/kube-aliyun/kube-aliyun/pkg/hostroutes/kernel"
	"github.com/kube-aliyun/kube-aliyun/pkg/hostroutes/plan"
	"github.com/kube-aliyun/kube-aliyun/pkg/hostroutes/source"
)

// Run is the program after its flags are parsed and checked.
func Run(ctx context.Context, o *Options, out io.Writer) error {
	boundMemory()
	k, err := kernel.Open(netns.None())
	if err != nil {
		return err
	}
	defer k.Close()
	if o.Cleanup {
		return cleanup(o, k, out)
	}
	client, err := newClient(o)
	if err != nil {
		return err
	}
	recorder, stop := newRecorder(ctx, client, o.NodeName)
	defer stop()
	cfg := o.agent(client, k)
	cfg.Record = func(n *plan.Node, reason *event.Reason, message string) {
		recorder.Event(nodeObject(n), reason, "%s", message)
	}
	agent := New(cfg)
	switch {
	case o.DryRun:
		return agent.dryRun(ctx, out)
	case o.Once:
		report, err := agent.Once(ctx)
		_, _ = fmt.Fprintf(out, "%d routes wanted, %d added, %d removed\n", report.Desired, report.Added, report.Removed)
		return err
	}
	klog.FromContext(ctx).Info("Starting", "version", version.Get().GitVersion, "node", o.NodeName, "protocol", o.Protocol, "metric", o.Metric)
	ctx, cancel := context.WithCancel(ctx)
	var serving sync.WaitGroup
	defer serving.Wait()
	defer cancel()
	if o.HealthAddress != "" {
		serving.Go(func() { serve(ctx, o.HealthAddress, agent.Health()) })
	}
	if o.SelfTestInterval > 0 {
		test := SelfTest{Interval: o.SelfTestInterval, Port: o.SelfTestPort, Dial: dial}
		serving.Go(func() { agent.RunSelfTest(ctx, test) })
	}
	agent.Run(ctx)
	return nil
}

func dial(ctx context.Context, dialer net.Dialer, network, address string) (net.Conn, error) {
	return dialer.DialContext(ctx, network, address)
}

// agent is the Config that the options ask for.
func (o *Options) agent(client kubernetes.Interface, k *kernel.Kernel) Config {
	cfg := Config{
		Settings: plan.Settings{
			NodeName: o.NodeName, Protocol: o.Protocol, Metric: o.Metric, ClusterCIDRs: o.clusterCIDRs, ServiceCIDRs: o.serviceCIDRs,
		},
		Uplink: o.Uplink, Guard: plan.Guard{Ratio: o.DeleteRatio, Free: freeDeletes}, ConfirmAfter: DefaultConfirmAfter,
		Period: o.Period, Window: DefaultWindow, Buffer: kernel.DefaultBuffer,
		Source: source.NewNodes(client), Kernel: k,
	}
	if o.Source == sourceShards {
		cfg.Source = source.NewShards(client)
	}
	if f := o.firewall(netns.None()); f != nil {
		cfg.Rules = f
	}
	return cfg
}

// boundMemory makes the collector run at half the growth that Go allows by
// default: the first list of the Nodes is far more than is kept of it. GOGC in
// the environment wins.
func boundMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(50)
	}
}

func newClient(o *Options) (kubernetes.Interface, error) {
	cfg, err := restConfig(o)
	if err != nil {
		return nil, err
	}
	cfg.UserAgent = Name + "/" + version.Get().GitVersion
	cfg.ContentType, cfg.AcceptContentTypes = apiruntime.ContentTypeProtobuf, apiruntime.ContentTypeProtobuf+","+apiruntime.ContentTypeJSON
	client, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		return nil, fmt.Errorf("client of the API server: %w", err)
	}
	return client, nil
}

func restConfig(o *Options) (*rest.Config, error) {
	if o.Kubeconfig == "" {
		cfg, err := rest.InClusterConfig()
		if err != nil {
			return nil, fmt.Errorf("this is no Pod with a ServiceAccount; give --kubeconfig: %w", err)
		}
		return cfg, nil
	}
	cfg, err := clientcmd.BuildConfigFromFlags("", o.Kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("--kubeconfig %s: %w", o.Kubeconfig, err)
	}
	return cfg, nil
}

// newRecorder returns a recorder of events, and what ends it.
func newRecorder(ctx context.Context, client kubernetes.Interface, host string) (*event.Recorder, func()) {
	broadcaster := record.NewBroadcaster(record.WithContext(ctx))
	broadcaster.StartStructuredLogging(3)
	broadcaster.StartRecordingToSink(&v1core.EventSinkImpl{Interface: client.CoreV1().Events(metav1.NamespaceDefault)})
	return event.New(broadcaster.NewRecorder(scheme.Scheme, corev1.EventSource{Component: Name, Host: host})), broadcaster.Shutdown
}

// nodeObject is what an event refers to. The kubelet's own events name a Node's
// name as its UID, and `kubectl describe node` looks for both.
func nodeObject(n *plan.Node) *corev1.Node {
	return &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: n.Name, UID: n.UID}}
}
