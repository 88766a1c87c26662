// Package cluster starts a real Kubernetes control plane (etcd, kube-apiserver,
// kube-controller-manager, kube-scheduler) on loopback, without images, a
// container engine or root.
//
// The programs are those that "make kubernetes" builds into bin/kubernetes, or
// those in the folder named by KUBEBUILDER_ASSETS. Each control plane has its
// own folder, ports, certificates and keys, so several can run side by side.
//
// What a control plane leaves behind is bounded in two ways. Its processes are
// killed by the kernel when the process that started them ends, however it
// ends; and their ids are recorded in the folder, so that Cleanup ends a
// detached control plane, which is meant to outlive its parent.
package cluster
