// Package tour is the guided tour through an environment: each step says what it
// will do, does it, and fails unless cluster and cloud then are as it says.
package tour

import (
	"context"
	"fmt"
	"time"

	"k8s.io/client-go/kubernetes"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/admin"
	"github.com/kube-aliyun/kube-aliyun/test/e2e/stage"
	"github.com/kube-aliyun/kube-aliyun/test/environment/cloud"
	"github.com/kube-aliyun/kube-aliyun/test/environment/console"
)

// ServerPrefix begins the ids of the region's servers where kubelets are played; a
// number follows.
const ServerPrefix = "i-demo"

// namespace is the tour's own.
const namespace = "tour"

// Options say what the tour goes through.
type Options struct {
	Console *console.Console
	Kube    kubernetes.Interface
	Region  *admin.Client
	// Kubectl is the program, Kubeconfig what it is given.
	Kubectl, Kubeconfig string
	// Examples is the folder of manifests that are applied.
	Examples string
	// Grace is how long a Node may miss its heartbeats.
	Grace time.Duration
	// Servers begins the ids of servers, and VSwitches are where new ones are put,
	// one each.
	Servers   string
	VSwitches []string
	// Real is set where servers are real and traffic flows.
	Real *Real
	// Stays tells that the environment is used on afterwards: its Nodes come back.
	Stays bool
}

// Real is what there is where servers are real.
type Real struct {
	// Client is on the internet.
	Client stage.Place
	// Master is the id of the server with the control plane.
	Master string
	// Pods is the manifest of Pods for the examples' Services.
	Pods string
}

// tour is one way through.
type tour struct {
	Options
	// begin is the number of the region's last call before the tour.
	begin int64
	// old are the servers of the beginning, joined those that the tour adds.
	old, joined []string
	// made and failed count the requests while a server was stopped, outage is how
	// long after the stop the last one failed.
	made, failed int
	outage       time.Duration
}

// step is a chapter of the tour.
type step struct {
	title string
	walk  func(context.Context) error
}

func (t *tour) steps() []step {
	steps := []step{
		{"Servers become Nodes", t.serversBecomeNodes},
		{"Pod routes stand in the VPC's route table", t.podsHaveRoutes},
		{"Services get load balancers", t.servicesGetAddresses},
		{"What it has cost", t.callsAreCounted},
		{"Two servers join", t.serversJoin},
	}
	if t.Real != nil {
		steps = append(steps, step{"Traffic flows", t.trafficFlows})
	}
	return append(steps,
		step{"A server is stopped, and started again", t.serverStopsAndStarts},
		step{"A server leaves, as the cluster autoscaler does it", t.serverLeaves},
		step{"Services change", t.servicesChange},
		step{"Everything goes", t.everythingGoes},
	)
}

// Run goes through all steps, and returns the closing line. Its error says what
// was not as told.
func Run(ctx context.Context, o Options) (closing string, err error) {
	t := &tour{Options: o}
	if err := t.prepare(ctx); err != nil {
		return "", err
	}
	for i, step := range t.steps() {
		t.Console.Heading(fmt.Sprintf("%d. %s", i+1, step.title))
		if err := step.walk(ctx); err != nil {
			return "", fmt.Errorf("step %d, %s: %w", i+1, step.title, err)
		}
	}
	return t.finish(ctx)
}

// finish sums up, and gives the Nodes back where they are used on.
func (t *tour) finish(ctx context.Context) (closing string, err error) {
	calls, _, err := cloud.Count(ctx, t.Region, t.begin)
	if err != nil {
		return "", err
	}
	took := t.Console.Elapsed()
	if t.Stays {
		if err := t.nodesComeBack(ctx); err != nil {
			return "", err
		}
	}
	all, writes, failed := cloud.Sum(calls)
	closing = fmt.Sprintf("All as told: %d API calls (%d of them writes, %d refused or failed) in %.0f s.", all, writes, failed, took.Seconds())
	if t.Real != nil {
		closing += fmt.Sprintf("\nProven with real traffic: clients reach Services through load balancers over TCP and UDP, policy Local keeps their"+
			"\naddresses, Pods reach Pods by the routes of the VPC; of %d requests while a server was stopped and started"+
			"\n%d failed, the last %.1f s after the stop.", t.made, t.failed, t.outage.Seconds())
	}
	return closing, nil
}
