// Package controller holds the manifests of aliyun-controller.
package controller

import "embed"

// Files are what a master's static Pod takes, and the rights of it.
//
//go:embed static-pod.yaml kubeconfig rbac.yaml
var Files embed.FS
