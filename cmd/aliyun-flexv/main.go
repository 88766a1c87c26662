// Aliyun-flexv is the FlexVolume driver aliyun/flexv: disks of Alibaba Cloud in
// Pods. Kubelet and kube-controller-manager run it, once for each call; with
// --install it puts itself where they look for it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/kube-aliyun/kube-aliyun/pkg/flexvolume"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	status := run(ctx)
	stop()
	os.Exit(status)
}

func run(ctx context.Context) int {
	// No call of the contract begins so: a person asks, or an installer.
	if len(os.Args) > 1 && strings.HasPrefix(os.Args[1], "-") {
		if err := serve(ctx, os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, "aliyun-flexv:", err)
			return 1
		}
		return 0
	}
	out, err := flexvolume.ClaimOutput()
	if err != nil {
		fmt.Println(`{"status":"Failure","message":"standard output cannot be used"}`)
		return 1
	}
	return flexvolume.New().Run(ctx, os.Args[1:], out)
}

// serve does what the flags say.
func serve(ctx context.Context, arguments []string) error {
	flags := flag.NewFlagSet("aliyun-flexv", flag.ContinueOnError)
	flags.Usage = func() { fmt.Print(flexvolume.Help) }
	version := flags.Bool("version", false, "")
	test := flags.Bool("test", false, "")
	install := flags.String("install", "", "")
	uninstall := flags.String("uninstall", "", "")
	kubelet := flags.String("kubelet-dir", "/var/lib/kubelet", "")
	socket := flags.String("socket-dir", "", "")
	owner := flags.Int("owner", 0, "")
	stay := flags.Bool("stay", false, "")
	if err := flags.Parse(arguments); err != nil {
		if err == flag.ErrHelp { //nolint:errorlint // as Parse returns it
			return nil
		}
		return err
	}
	switch {
	case *version:
		fmt.Println("aliyun-flexv", flexvolume.Version)
	case *test:
		// An installer of 2017 wants to know whether the file is whole.
		fmt.Println(`{"status":"Success"}`)
	case *install != "":
		changed, err := flexvolume.Install(ctx, "/proc/self/exe", *install)
		if err != nil {
			return err
		}
		fmt.Printf("aliyun-flexv %s in %s, changed: %t\n", flexvolume.Version, *install, changed)
		if *stay {
			<-ctx.Done()
		}
	case *uninstall != "":
		if err := flexvolume.Uninstall(*uninstall, *kubelet); err != nil {
			return err
		}
		fmt.Println("aliyun-flexv is not in", *uninstall)
		if *stay {
			<-ctx.Done()
		}
	case *socket != "":
		return flexvolume.MakeSocketFolder(*socket, *owner)
	default:
		flags.Usage()
	}
	return nil
}
