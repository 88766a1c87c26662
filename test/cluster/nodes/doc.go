// Package nodes keeps Nodes alive that have no machine: it registers them and
// renews their leases as a kubelet does, for hundreds of Nodes in one process.
//
// Such a Node can die (its heartbeats stop, so kube-controller-manager finds it
// NotReady after its grace period), come back, and be removed. With WithPods
// the Pods bound to it appear to run; nothing listens on their addresses.
package nodes
