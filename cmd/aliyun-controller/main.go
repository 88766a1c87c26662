// Aliyun-controller is the cloud controller manager for Kubernetes on Alibaba
// Cloud servers.
package main

import (
	"fmt"
	"os"

	genericapiserver "k8s.io/apiserver/pkg/server"

	"github.com/kube-aliyun/kube-aliyun/pkg/manager"
)

func main() {
	cmd, err := manager.NewCommand()
	if err == nil {
		err = cmd.ExecuteContext(genericapiserver.SetupSignalContext())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
