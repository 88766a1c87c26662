package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/kube-aliyun/kube-aliyun/test/environment/console"
)

// writeShell writes what a shell reads to find cluster, region and controller.
func (p place) writeShell(r record) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# Read by: . %s\n", p.short(p.shell()))
	for _, v := range [][2]string{
		{"KUBECONFIG", r.Kubeconfig}, {"SIM", r.SimulatorURL}, {"CONTROLLER", r.ControllerURL},
	} {
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
