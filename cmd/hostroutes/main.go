// Hostroutes keeps the routes to other Nodes' Pods in a host's own route table.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/kube-aliyun/kube-aliyun/pkg/hostroutes"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := hostroutes.NewCommand().ExecuteContext(ctx)
	stop()
	switch {
	case errors.Is(err, hostroutes.ErrChanges):
		os.Exit(hostroutes.ChangesExit)
	case err != nil:
		fmt.Fprintln(os.Stderr, "hostroutes:", err)
		os.Exit(1)
	}
}
