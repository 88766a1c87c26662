// Aliyun-bootstrap makes a highly available Kubernetes cluster of bare servers.
package main

import (
	"fmt"
	"os"

	"github.com/kube-aliyun/kube-aliyun/pkg/bootstrap"
)

func main() {
	if err := bootstrap.NewCommand().Execute(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
