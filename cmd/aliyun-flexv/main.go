// Aliyun-flexv is the FlexVolume driver aliyun/flexv: disks of Alibaba Cloud in
// Pods. Kubelet and kube-controller-manager run it, once for each call.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/kube-aliyun/kube-aliyun/pkg/flexvolume"
)

func main() {
	os.Exit(run())
}

func run() int {
	// A person asks, or an installer of 2017 that wants to know whether the file is whole.
	if len(os.Args) == 2 {
		switch os.Args[1] {
		case "--version":
			fmt.Println("aliyun-flexv", flexvolume.Version)
			return 0
		case "--help", "-h":
			fmt.Print(flexvolume.Help)
			return 0
		case "--test":
			fmt.Println(`{"status":"Success"}`)
			return 0
		}
	}
	out, err := flexvolume.ClaimOutput()
	if err != nil {
		fmt.Println(`{"status":"Failure","message":"standard output cannot be used"}`)
		return 1
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	return flexvolume.New().Run(ctx, os.Args[1:], out)
}
