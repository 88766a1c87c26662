package main

import (
	"github.com/kube-aliyun/kube-aliyun/test/environment/console"
)

// summary tells what there is and how to use it.
func summary(c *console.Console, p place, r record) {
	c.Heading("The environment is up")
	kubectl := p.short(p.kubectl())
	for _, line := range [][2]string{
		{"kubectl", "export KUBECONFIG=" + r.Kubeconfig},
		{"", kubectl + " get nodes -o wide"},
		{"", kubectl + " apply -f deploy/examples"},
		{"region", "export SIM=" + r.SimulatorURL},
		{"", "curl -s $SIM/admin/                              what can be done to the region"},
		{"", "curl -s $SIM/admin/counters                      API calls so far"},
		{"", "curl -s -X POST $SIM/admin/servers/i-demo1/stop  and start, release"},
		{"controller", "curl -sk " + r.ControllerURL + "/readyz"},
	} {
		c.Line("  %-11s %s", line[0], line[1])
	}
	c.Line("")
	for _, one := range r.Processes {
		c.Line("  %-11s %s", "log", p.short(one.Log))
	}
	c.Line("  %-11s %s", "", p.short(p.cluster())+"/logs/*.log")
	c.Line("")
	c.Line("  docs/tutorial.md goes on from here; `make demo` gives a tour; `make down` ends all of it.")
}
