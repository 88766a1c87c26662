// Environment is what `make up`, `make down` and `make demo` run: a Kubernetes
// control plane, a simulated region whose servers are the cluster's Nodes, and
// aliyun-controller, all on this machine. As root on Linux, with the packages of
// `make setup`, servers, network and load balancers are real; else kubelets are
// played and no traffic flows. Its state is in the folder .run.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/kube-aliyun/kube-aliyun/test/environment/console"
)

func main() {
	// An interrupt ends what is under way, which then clears away after itself.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	err := command().ExecuteContext(ctx)
	interrupted := ctx.Err() != nil
	stop()
	switch {
	case err != nil && interrupted:
		// What it was at is told in a line; logs are of no interest.
		line, _, _ := strings.Cut(err.Error(), "\n")
		fmt.Fprintln(os.Stderr, "\ninterrupted:", line)
		os.Exit(130)
	case err != nil:
		fmt.Fprintln(os.Stderr, "\nFAILED:", err)
		os.Exit(1)
	}
}

func command() *cobra.Command {
	root := &cobra.Command{Use: "environment", SilenceUsage: true, SilenceErrors: true}
	var w wish

	up := &cobra.Command{
		Use: "up", Short: "Start everything and leave it running", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return up(cmd.Context(), console.New(cmd.OutOrStdout()), w)
		},
	}
	down := &cobra.Command{
		Use: "down", Short: "Stop everything and remove its traces", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return down(cmd.Context(), console.New(cmd.OutOrStdout()))
		},
	}
	demo := &cobra.Command{
		Use: "demo", Short: "A guided tour that fails if anything is not as told", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return demo(cmd.Context(), console.New(cmd.OutOrStdout()), w)
		},
	}
	for _, cmd := range []*cobra.Command{up, demo} {
		cmd.Flags().IntVar(&w.nodes, "nodes", 0, fmt.Sprintf("servers of the region (%d, or %d real ones beside a master)", playedNodes, realNodes))
		cmd.Flags().BoolVar(&w.played, "played", false, "play kubelets, also where real ones could run")
	}
	root.AddCommand(up, down, demo, keepCommand(), holdCommand())
	return root
}
