// Package dataplane makes the network of a simulated region real on a Linux
// machine, as root: package fabric builds VPCs and servers out of namespaces,
// balancers forward in them, and every server finds instance metadata at
// 100.100.100.200 and the OpenAPI at 100.100.100.201. All of it lives in one
// sandbox, and goes with it.
package dataplane
