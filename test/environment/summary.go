package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/kube-aliyun/kube-aliyun/test/environment/console"
	"github.com/kube-aliyun/kube-aliyun/test/environment/tour"
)

// writeShell writes what a shell reads to find cluster, region and controller.
func (p place) writeShell(r record) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# Read by: . %s\n", p.short(p.shell()))
	settings := [][2]string{{"KUBECONFIG", r.Kubeconfig}, {"SIM", r.SimulatorURL}}
	if h := r.Held; h != nil {
		settings = append(settings, [][2]string{
			{"SERVERS", workerPrefix}, {"VSWITCH", h.VSwitches[0]}, {"CLIENT", filepath.Base(h.Client.Namespace)},
			{"MASTER", filepath.Base(h.Master.Namespace)}, {"WORKER", filepath.Base(h.Worker.Namespace)},
		}...)
	} else {
		settings = append(settings, [][2]string{
			{"SERVERS", tour.ServerPrefix}, {"VSWITCH", vSwitchH}, {"CONTROLLER", r.ControllerURL},
		}...)
	}
	for _, v := range settings {
		fmt.Fprintf(&b, "export %s=%s\n", v[0], quote(v[1]))
	}
	fmt.Fprintf(&b, "export PATH=%s:\"$PATH\"\n", quote(p.kubernetes()))
	if err := os.WriteFile(p.shell(), []byte(b.String()), 0o600); err != nil {
		return fmt.Errorf("writing the settings for a shell: %w", err)
	}
	return nil
}

// quote makes a word of a shell out of any text.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// summary tells what there is and how to use it.
func summary(c *console.Console, p place, r record) {
	c.Heading("The environment is up")
	processes := make([]string, 0, len(r.Processes))
	for _, one := range r.Processes {
		processes = append(processes, fmt.Sprintf("%s %d", one.Name, one.PID))
	}
	for _, line := range [][2]string{
		{"kubeconfig", p.short(r.Kubeconfig)},
		{"region", r.SimulatorURL},
		{"controller", r.ControllerURL},
		{"processes", strings.Join(processes, ", ")},
		{"logs", p.short(p.log("*")) + "  " + p.short(p.cluster()) + "/logs/*.log"},
		{"", ""},
		{"your shell", ". " + p.short(p.shell()) + "    sets KUBECONFIG, SIM and CONTROLLER, and finds kubectl; then"},
		{"", "kubectl get nodes"},
		{"", "kubectl apply -f deploy/examples; kubectl get services"},
		{"", "curl -s $SIM/admin/                                what can be done to the region"},
		{"", "curl -s -X POST $SIM/admin/servers/i-demo1/stop    a server stops; start, release"},
		{"", "curl -s $SIM/admin/counters                        API calls so far"},
		{"", "curl -sk $CONTROLLER/readyz"},
	} {
		c.Line("%s", strings.TrimRight(fmt.Sprintf("  %-10s  %s", line[0], line[1]), " "))
	}
	c.Line("\n  docs/tutorial.md goes on from here; `make demo` gives a tour; `make down` ends all of it.")
}

// realSummary is summary where servers are real.
func realSummary(c *console.Console, p place, r record) {
	h := r.Held
	c.Heading("The environment is up, and its servers are real")
	holder, _ := r.process(holderName)
	for _, line := range [][2]string{
		{"kubeconfig", p.short(r.Kubeconfig)},
		{"region", r.SimulatorURL},
		{"servers", fmt.Sprintf("a master and %d workers: containerd, kubelet and kube-proxy each, in a namespace each", r.Nodes)},
		{"controller", "a static Pod of the master, from its image"},
		{"process", fmt.Sprintf("%s %d holds all of it", holderName, holder.PID)},
		{"logs", p.short(p.log("*")) + ", and at the end " + p.short(p.dir) + "/logs/servers/"},
		{"", ""},
		{"your shell", ". " + p.short(p.shell()) + "    sets KUBECONFIG, SIM, CLIENT, MASTER and WORKER, and finds kubectl; then"},
		{"", "kubectl get nodes,pods -A -o wide"},
		{"", "kubectl apply -f deploy/examples -f test/environment/pods.yaml"},
		{"", "kubectl get services                         addresses of load balancers"},
		{"", "ip netns exec $CLIENT curl -s http://ADDRESS/     from the internet (" + h.Client.Address + ")"},
		{"", "ip netns exec $WORKER curl -s http://POD:8080/    from a server (" + h.Worker.Address + ")"},
		{"", "ip netns exec $MASTER curl -sk https://127.0.0.1:10258/readyz     the controller"},
		{"", "curl -s $SIM/admin/                               what can be done to the region"},
		{"", "curl -s -X POST $SIM/admin/servers/i-worker-1/stop    a server stops; start, release"},
	} {
		c.Line("%s", strings.TrimRight(fmt.Sprintf("  %-10s  %s", line[0], line[1]), " "))
	}
	c.Line("\n  docs/tutorial.md goes on from here; `make demo` gives a tour; `make down` ends all of it.")
}
