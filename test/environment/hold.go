package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/kube-aliyun/kube-aliyun/test/e2e/stage"
	"github.com/kube-aliyun/kube-aliyun/test/environment/keeper"
)

// holderName is the process that holds real servers, with all that runs on them.
const holderName = "holder"

// workerPrefix begins the ids of real workers; a number follows.
const workerPrefix = "i-worker-"

// held is what the holder tells once everything can be used.
type held struct {
	Kubeconfig   string `json:"kubeconfig"`
	SimulatorURL string `json:"simulatorURL"`
	// Sandboxes are the ids in the names of all that exists on this machine.
	Sandboxes []string `json:"sandboxes"`
	// Client is where the client on the internet is, Master the first server and
	// Worker another.
	Client stage.Place `json:"client"`
	Master stage.Place `json:"master"`
	Worker stage.Place `json:"worker"`
	// VSwitches are in two zones.
	VSwitches []string `json:"vSwitches"`
	// MasterID is the first server's.
	MasterID string `json:"masterID"`
	// Seconds are how long the start took.
	Seconds float64 `json:"seconds"`
}

// holdCommand is the holder's own command line. All is in the environment's folder.
func holdCommand() *cobra.Command {
	var state string
	var workers int
	cmd := &cobra.Command{
		Use: "hold", Short: "Hold real servers until a signal", Args: cobra.NoArgs, Hidden: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir := filepath.Dir(state)
			return hold(cmd.Context(), place{root: filepath.Dir(dir), dir: dir}, workers)
		},
	}
	cmd.Flags().StringVar(&state, "state", "", "file that tells what there is")
	cmd.Flags().IntVar(&workers, "workers", realNodes, "servers beside the master")
	return cmd
}

// closeLimit bounds the end of real servers.
const closeLimit = 2 * time.Minute

func hold(ctx context.Context, p place, workers int) (err error) {
	progress, err := os.OpenFile(p.progress(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("holding servers: %w", err)
	}
	defer func() { err = errors.Join(err, progress.Close()) }()
	controller, err := stage.ControllerArchive(p.dir, p.binary(controllerName), p.binary(driverName))
	if err != nil {
		return err
	}
	s, err := stage.Start(ctx, stage.Options{
		Workers: workers, Root: p.root, Kubernetes: p.kubernetes(), Simulator: p.binary("aliyun-sim"), Controller: controller,
		Logs: filepath.Join(p.dir, "logs", "servers"), NodeMonitorGrace: realGrace, Log: progress,
	})
	if err != nil {
		return err
	}
	if err = p.tell(ctx, s); err == nil {
		var running []string
		for _, server := range s.Servers() {
			running = append(running, server.ID)
		}
		keeper.NewPower(s.Region(), s, s.Master().ID, running).Run(ctx)
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeLimit)
	defer cancel()
	return errors.Join(err, s.Close(ending))
}

// tell writes the file for which `up` waits.
func (p place) tell(ctx context.Context, s *stage.Stage) error {
	plane, err := s.Region().Dataplane(ctx)
	if err != nil {
		return fmt.Errorf("the region's network: %w", err)
	}
	kubeconfig, err := os.ReadFile(s.Cluster().Kubeconfig())
	if err != nil {
		return fmt.Errorf("the administrator's kubeconfig: %w", err)
	}
	if err := os.WriteFile(p.kubeconfig(), kubeconfig, 0o600); err != nil {
		return fmt.Errorf("the administrator's kubeconfig: %w", err)
	}
	content, err := json.MarshalIndent(held{
		Kubeconfig: p.kubeconfig(), SimulatorURL: s.RegionURL(), Sandboxes: []string{s.Sandbox(), plane.Sandbox},
		Client: s.Internet(), Master: s.Master().Place, Worker: s.Workers()[0].Place, MasterID: s.Master().ID, Seconds: s.Took().Seconds(),
		VSwitches: stage.VSwitches(),
	}, "", "  ")
	if err != nil {
		return fmt.Errorf("telling what there is: %w", err)
	}
	if err := errors.Join(os.WriteFile(p.state()+".new", content, 0o600), os.Rename(p.state()+".new", p.state())); err != nil {
		return fmt.Errorf("telling what there is: %w", err)
	}
	return nil
}
