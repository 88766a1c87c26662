package tour

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-aliyun/kube-aliyun/test/e2e/stage"
	"github.com/kube-aliyun/kube-aliyun/test/images/echo"
)

var errClient = errors.New("the Pod sees another client than the one that asks")

// requestTimeout is how long one request may take.
const requestTimeout = 2 * time.Second

// trafficFlows uses what the controller has programmed.
func (t *tour) trafficFlows(ctx context.Context) error {
	t.Console.Say("The servers are real, so all this can be used. Pods that answer who has asked are put behind the Services; " +
		"a client on the internet asks the public addresses, a server inside the VPC the private one.")
	t.Console.Line("$ kubectl -n %s apply -f test/environment/pods.yaml", namespace)
	if err := t.apply(ctx, t.Real.Pods); err != nil {
		return err
	}
	if _, err := t.Console.Until(ctx, time.Duration(usual), "all Pods are ready", t.podsReady); err != nil {
		return err
	}
	rows, err := t.askServices(ctx)
	if err != nil {
		return err
	}
	t.Console.Table([]string{"FROM", "ASKED", "ANSWERED BY POD", "ON NODE", "WHO SEES AS ITS CLIENT"}, rows)
	t.Console.Say("Policy Local keeps the client's address; with policy Cluster a server that passes a request on puts its own there.")
	t.Console.Line("")
	t.Console.Say("From each server a Pod asks the Pod on the next one. The packets go by the routes of the VPC, and bring the asker's own address.")
	return t.podsReachPods(ctx)
}

func (t *tour) podsReady(ctx context.Context) (string, error) {
	list, err := t.Kube.AppsV1().Deployments(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return "", fmt.Errorf("listing Deployments: %w", err)
	}
	for i := range list.Items {
		d := &list.Items[i]
		if d.Status.ReadyReplicas < *d.Spec.Replicas {
			return fmt.Sprintf("%d of %d Pods of %s are", d.Status.ReadyReplicas, *d.Spec.Replicas, d.Name), nil
		}
	}
	return "", nil
}

// asker asks a Service some times.
type asker struct {
	service, network string
	port, times      int
	who              string
	from             stage.Place
	// kept tells that Pods must see the asker's address.
	kept bool
}

func (t *tour) askServices(ctx context.Context) ([][]string, error) {
	plane, err := t.Region.Dataplane(ctx)
	if err != nil {
		return nil, fmt.Errorf("the region's network: %w", err)
	}
	client := t.Real.Client
	master := stage.Place{Namespace: plane.Servers[t.Real.Master].Namespace, Address: plane.Servers[t.Real.Master].Address}
	var rows [][]string
	for _, a := range []asker{
		{"web", "http", 80, 4, "internet", client, false},
		{"local", "http", 443, 4, "internet", client, true},
		{"dns", "udp", 53, 1, t.Real.Master, master, false},
		{"dns", "tcp", 53, 1, t.Real.Master, master, false},
	} {
		more, err := t.askService(ctx, a)
		if err != nil {
			return nil, err
		}
		rows = append(rows, more...)
	}
	return rows, nil
}

func (t *tour) askService(ctx context.Context, a asker) (rows [][]string, err error) {
	address, err := t.address(ctx, a.service)
	if err != nil {
		return nil, err
	}
	address = net.JoinHostPort(address, strconv.Itoa(a.port))
	// The first health checks take some seconds, for each server its own.
	pods := map[string]bool{}
	what := fmt.Sprintf("Service %s answers at %s/%s", a.service, a.network, address)
	if _, err := t.Console.Until(ctx, time.Duration(brief), what, func(ctx context.Context) (string, error) {
		answer, err := ask(ctx, a.from, a.network, address)
		if err != nil {
			return "", err
		}
		if pods[answer.Host] = true; len(pods) == 1 && a.times > 1 {
			return "all answers are of Pod " + answer.Host, nil
		}
		return "", nil
	}); err != nil {
		return nil, err
	}
	for range a.times {
		answer, err := ask(ctx, a.from, a.network, address)
		if err != nil {
			return nil, err
		}
		seen := answer.Client.Addr().String()
		rows = append(rows, []string{a.who, a.network + "/" + address, answer.Host, answer.Node, seen})
		if a.kept && seen != a.from.Address {
			return nil, fmt.Errorf("client of Service %s is %s, not %s: %w", a.service, seen, a.from.Address, errClient)
		}
	}
	return rows, nil
}

// ask asks once, on a connection of its own.
func ask(ctx context.Context, from stage.Place, network, address string) (echo.Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	if network == "http" {
		return echo.Get(ctx, from.Dial, "http://"+address+"/")
	}
	return echo.Ask(ctx, from.Dial, network+"4", address, "who am I")
}

// podsReachPods lets a Pod of each server ask that of the next.
func (t *tour) podsReachPods(ctx context.Context) error {
	pods, err := t.podsByNode(ctx, "web")
	if err != nil {
		return err
	}
	rows := make([][]string, 0, len(pods))
	for i := range pods {
		from, to := &pods[i], &pods[(i+1)%len(pods)]
		url := "http://" + net.JoinHostPort(to.Status.PodIP, "8080") + "/"
		command := exec.CommandContext(ctx, t.Kubectl, "--kubeconfig="+t.Kubeconfig, "-n", namespace, "exec", from.Name, "--", "/network", "get", url)
		output, err := command.CombinedOutput()
		if err != nil {
			return fmt.Errorf("asking from Pod %s: %w: %s", from.Name, err, strings.TrimSpace(string(output)))
		}
		answer, err := echo.Decode(output)
		if err != nil {
			return err
		}
		seen := answer.Client.Addr().String()
		rows = append(rows, []string{from.Status.PodIP, from.Spec.NodeName, to.Status.PodIP, answer.Node, seen})
		if seen != from.Status.PodIP {
			return fmt.Errorf("client of Pod %s is %s: %w", to.Name, seen, errClient)
		}
	}
	t.Console.Table([]string{"POD", "ON NODE", "ASKED POD", "ON NODE", "WHO SEES AS ITS CLIENT"}, rows)
	return nil
}

// podsByNode are Pods of an app that are ready, one for each Node.
func (t *tour) podsByNode(ctx context.Context, app string) ([]corev1.Pod, error) {
	list, err := t.Kube.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: "app=" + app})
	if err != nil {
		return nil, fmt.Errorf("listing Pods: %w", err)
	}
	var pods []corev1.Pod
	seen := map[string]bool{}
	for i := range list.Items {
		if pod := &list.Items[i]; pod.Status.PodIP != "" && !seen[pod.Spec.NodeName] {
			seen[pod.Spec.NodeName] = true
			pods = append(pods, *pod)
		}
	}
	if len(pods) < 2 {
		return nil, fmt.Errorf("%d Nodes have Pods of %s: %w", len(pods), app, errUnlikely)
	}
	return pods, nil
}
