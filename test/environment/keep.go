package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/klog/v2"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/admin"
	"github.com/kube-aliyun/kube-aliyun/test/cluster"
	"github.com/kube-aliyun/kube-aliyun/test/cluster/nodes"
	"github.com/kube-aliyun/kube-aliyun/test/environment/keeper"
)

const keeperName = "keeper"

// startKeeper starts the process that plays the servers' kubelets, which is this
// program again.
func (s *starter) startKeeper(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	p, err := s.launch(ctx, keeperName, self, "--kubeconfig="+s.record.Kubeconfig, "",
		"keep", "--region="+s.record.SimulatorURL, "--heartbeat="+(s.record.Grace/5).String())
	if err != nil {
		return err
	}
	what := fmt.Sprintf("%d servers have registered their Nodes", s.record.Nodes)
	return s.await(ctx, p, keeperName, what, func(ctx context.Context) (string, error) {
		list, err := s.cluster.Client().CoreV1().Nodes().List(ctx, metav1.ListOptions{})
		if err != nil {
			return "", fmt.Errorf("listing Nodes: %w", err)
		}
		if len(list.Items) < s.record.Nodes {
			return fmt.Sprintf("%d Nodes so far", len(list.Items)), nil
		}
		return "", nil
	})
}

// keepCommand is the keeper's own command line.
func keepCommand() *cobra.Command {
	var region, kubeconfig string
	var heartbeat time.Duration
	cmd := &cobra.Command{
		Use: "keep", Short: "Play the kubelets of a region's servers", Args: cobra.NoArgs, Hidden: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return keep(cmd.Context(), region, kubeconfig, heartbeat)
		},
	}
	cmd.Flags().StringVar(&region, "region", "", "URL of the simulator")
	cmd.Flags().StringVar(&kubeconfig, "kubeconfig", "", "kubeconfig of an administrator")
	cmd.Flags().DurationVar(&heartbeat, "heartbeat", 0, "period of the Nodes' heartbeats")
	return cmd
}

func keep(ctx context.Context, region, kubeconfig string, heartbeat time.Duration) error {
	config, err := cluster.RESTConfigFor(kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("making a client: %w", err)
	}
	fleet := nodes.New(client, klog.FromContext(ctx), nodes.HeartbeatEvery(heartbeat), nodes.WithPods())
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	failed := make(chan error, 1)
	go func() {
		failed <- fleet.Run(ctx)
		cancel()
	}()
	keeper.New(admin.NewClient(region, nil), fleet).Run(ctx)
	return <-failed
}
