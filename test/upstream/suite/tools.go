//go:build tools

// Package suite pins the programs of Kubernetes' end-to-end tests that build.sh
// builds. It is a module of its own because Kubernetes' libraries need many more
// modules than the product.
package suite

import (
	_ "k8s.io/kubernetes/test/e2e"
	_ "k8s.io/kubernetes/test/images/agnhost"
)
