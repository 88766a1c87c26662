// Package bootstrap holds the files that bare servers become a cluster with:
// readable as they are, with ${NAME} where a cluster's values belong. Package
// pkg/bootstrap fills them.
package bootstrap

import "embed"

// Files are the files of this folder.
//
//go:embed cluster.example.yaml summary.md certificates cluster containerd etcd kubernetes manifests scripts servers systemd
var Files embed.FS
