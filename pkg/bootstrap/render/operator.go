package render

import (
	"fmt"
	"io/fs"
	"path"
	"strconv"

	"github.com/kube-aliyun/kube-aliyun/pkg/bootstrap/clusterfile"
	"github.com/kube-aliyun/kube-aliyun/pkg/bootstrap/placeholder"
)

// adminKubeconfig is the operator's way to the API: through the load balancer.
const adminKubeconfig = "admin.kubeconfig"

// Operator makes the files that the operator needs beside user-data: manifests for
// kubectl, a kubeconfig, the last step and a summary. tables fill the summary.
func (a Assets) Operator(c *clusterfile.Cluster, tables placeholder.Values) (map[string][]byte, error) {
	values := c.Values().With(placeholder.Values{
		"API_SERVER": c.BalancerURL(), "IDENTITY": "admin", "REGION": c.Region, "VPC_ID": orNone(c.VPC.ID), "VPC_CIDR": c.VPC.CIDR,
		"LOAD_BALANCER_PORT": strconv.Itoa(c.LoadBalancer.Port),
	}).With(tables)
	files := map[string][]byte{}
	for name, asset := range map[string]string{adminKubeconfig: "kubernetes/kubeconfig", "finish": "scripts/finish"} {
		content, err := a.fill(asset, values)
		if err != nil {
			return nil, err
		}
		files[name] = []byte(content)
	}
	manifests := map[string]string{"SUMMARY.md": "summary.md", "cluster/rbac.yaml": "cluster/rbac.yaml", "cluster/coredns.yaml": "cluster/coredns.yaml"}
	if len(c.Groups) > 0 {
		manifests["cluster/joining.yaml"] = "cluster/joining.yaml"
	}
	for name, asset := range manifests {
		content, err := fs.ReadFile(a.Bootstrap, asset)
		if err != nil {
			return nil, err
		}
		filled, err := values.Fill(string(content))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", asset, err)
		}
		files[name] = []byte(filled)
	}
	rights, err := fs.ReadFile(a.Controller, "rbac.yaml")
	if err != nil {
		return nil, err
	}
	files[path.Join("cluster", "aliyun-controller.yaml")] = rights
	return files, nil
}

func orNone(text string) string {
	if text == "" {
		return "(not in the cluster file)"
	}
	return text
}
