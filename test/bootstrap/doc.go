// Package bootstrap proves that user-data makes a cluster of bare servers: three of
// etcd, two masters, two nodes, as the article of 2017 has them. Every server is a
// network namespace of the simulated region with a file system of its own; the
// programs are Kubernetes' own. Servers are killed, one kind after the other. It takes
// root; `make e2e-bootstrap` runs it.
package bootstrap
