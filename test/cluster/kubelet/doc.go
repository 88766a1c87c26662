// Package kubelet makes a simulated server a real Kubernetes node: containerd,
// kubelet and kube-proxy run in the server's network namespace, in control groups
// of a sandbox, and in a mount namespace of the node's own. There the folders that
// nodes write to (/etc/kubernetes, /var/lib/kubelet, /run and others) are the
// node's, so that programs, manifests and drivers use their usual paths, nodes
// never meet, and the machine is left as it was.
//
// It takes root, the Debian packages containerd, containernetworking-plugins,
// nftables and conntrack, and the programs of `make kubernetes`.
package kubelet
