package clusterfile

import (
	"os"
	"strings"
	"testing"
)

// wrong has a problem of each kind.
const wrong = `
name: Prod_1
region: Hangzhou
vpc: {cidr: 10.99.0.0/24}
podCIDR: 10.99.0.0/16
serviceCIDR: 100.64.1.0/24
loadBalancer: {address: 10.99.0.21, port: 0}
kubernetesVersion: 1.37.2
images: {repository: "a b", controller: ""}
cgroupDriver: none
cniBinDir: bin
kubelet: {staticPodPath: /x}
downloads:
- {roles: [], url: x, sha256: 1, path: y}
registryMirrors: {docker.io: mirror}
replacesEtcd: 10.99.0.99
servers:
- {role: etcd, address: 10.99.0.11}
- {role: etcd, address: 10.99.0.11}
- {role: worker, address: 10.98.0.1}
- {role: node, address: x, labels: {node-role.kubernetes.io/worker: ""}, taints: [{key: a, effect: b}]}
- {role: node, address: 10.99.0.21}
`

func TestEveryProblemIsToldAtOnce(t *testing.T) {
	_, err := Parse([]byte(wrong))
	if err == nil {
		t.Fatal("it is taken")
	}
	for _, about := range []string{
		"name: ", "region: ", "podCIDR: ", "serviceCIDR: ", "loadBalancer.address: ", "loadBalancer.port: ", "kubernetesVersion: ",
		"images.repository: ", "images.controller: is missing", "cgroupDriver: ", "cniBinDir: ", "kubelet.staticPodPath: ",
		"downloads[0].roles: ", "downloads[0].url: ", "downloads[0].sha256: ", "downloads[0].path: ", "registryMirrors: ", "replacesEtcd: ",
		"servers[1].address: ", "servers[2].role: ", "servers[2].address: ", "servers[3].address: ", "servers[3].labels: ", "servers[3].taints: ",
		"servers: 2 etcd servers", "servers: there is no master",
	} {
		if !strings.Contains(err.Error(), about) {
			t.Errorf("nothing about %q in\n%v", about, err)
		}
	}
}

func TestUnknownKeyIsAnError(t *testing.T) {
	content, err := os.ReadFile("../../../deploy/bootstrap/cluster.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Parse(content); err != nil {
		t.Error(err)
	}
	if _, err := Parse(append(content, "podRange: 10.2.0.0/16\n"...)); err == nil {
		t.Error("a typo is taken")
	}
}
