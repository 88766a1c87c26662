package bootstrap

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	assets "github.com/kube-aliyun/kube-aliyun/deploy/bootstrap"
	"github.com/kube-aliyun/kube-aliyun/deploy/controller"
	"github.com/kube-aliyun/kube-aliyun/pkg/bootstrap/clusterfile"
	"github.com/kube-aliyun/kube-aliyun/pkg/bootstrap/pki"
	"github.com/kube-aliyun/kube-aliyun/pkg/bootstrap/render"
)

const updateLong = `update prints a shell script that brings a running server to what its user-data says:
certificates that "certs renew" issued, another version of Kubernetes, other settings.

  aliyun-bootstrap update 10.99.0.21 | ssh root@10.99.0.21 sh

It replaces only the files that differ and restarts only what needs it. It holds the
server's keys: pipe it, and do not keep it. One server at a time, and wait until the
server is Ready again before the next.`

// Update is the script for one of a cluster's servers, out of the operator's folder.
func Update(c *clusterfile.Cluster, there pki.Files, address string) (string, error) {
	i := slices.IndexFunc(c.Servers, func(s clusterfile.Server) bool { return s.Address == address })
	if i < 0 {
		names := make([]string, 0, len(c.Servers))
		for _, s := range c.Servers {
			names = append(names, s.Address)
		}
		return "", fmt.Errorf("there is no server %s in the cluster file; it has %s", address, strings.Join(names, ", "))
	}
	all := render.Assets{Bootstrap: assets.Files, Controller: controller.Files}
	setup, err := all.Server(c, c.Servers[i], there)
	if err != nil {
		return "", fmt.Errorf("%w (aliyun-bootstrap render makes what is missing)", err)
	}
	return all.Update(setup)
}

func (f *flags) update() *cobra.Command {
	return &cobra.Command{
		Use: "update ADDRESS", Short: "Print a script that brings a running server to its user-data", Long: updateLong, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cluster, err := clusterfile.Load(f.cluster)
			if err != nil {
				return err
			}
			there, err := ReadKeys(f.dir)
			if err != nil {
				return err
			}
			script, err := Update(cluster, there, args[0])
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(cmd.OutOrStdout(), script)
			return err
		},
	}
}
