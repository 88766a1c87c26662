package manager

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	cloudconfig "k8s.io/cloud-provider/app/config"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"
)

// shutdownGrace is how long calls in flight may go on after a stop was asked
// for.
const shutdownGrace = 5 * time.Second

// errLeaseLost ends the process: another replica may be at work.
var errLeaseLost = errors.New("the lease was lost; the process ends so that its successor finds it idle")

// newLock makes the lease's lock with this process's identity.
func newLock(c *cloudconfig.CompletedConfig) (*fence, error) {
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("host name for the lease: %w", err)
	}
	le := c.ComponentConfig.Generic.LeaderElection
	lock, err := resourcelock.NewFromKubeconfig(le.ResourceLock, le.ResourceNamespace, le.ResourceName,
		resourcelock.ResourceLockConfig{Identity: host + "_" + string(uuid.NewUUID()), EventRecorder: c.EventRecorder},
		c.Kubeconfig, le.RenewDeadline.Duration)
	if err != nil {
		return nil, fmt.Errorf("lease lock: %w", err)
	}
	return newFence(lock, le.RenewDeadline.Duration, clock.RealClock{}), nil
}

// elect runs lead while this process holds the lease. It returns nil after ctx
// ended, lead returned (or the grace was over) and the lease was released, and
// errLeaseLost when the lease went away by itself.
func elect(ctx context.Context, c *cloudconfig.CompletedConfig, lock *fence, watchdog *leaderelection.HealthzAdaptor, lead func(context.Context) error) error {
	// The lease outlives ctx until the work is done.
	leaseCtx, release := context.WithCancel(context.WithoutCancel(ctx))
	defer release()
	led := make(chan error, 1)
	leading := make(chan struct{})
	le := c.ComponentConfig.Generic.LeaderElection
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock:            lock,
		LeaseDuration:   le.LeaseDuration.Duration,
		RenewDeadline:   le.RenewDeadline.Duration,
		RetryPeriod:     le.RetryPeriod.Duration,
		WatchDog:        watchdog,
		ReleaseOnCancel: true,
		Name:            le.ResourceName,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(held context.Context) {
				close(leading)
				work, stop := context.WithCancel(ctx)
				defer stop()
				defer context.AfterFunc(held, stop)()
				go func() {
					lock.awaitExpiry(work)
					stop()
				}()
				led <- lead(work)
			},
			OnStoppedLeading: func() {},
		},
	})
	if err != nil {
		return fmt.Errorf("election: %w", err)
	}
	watchdog.SetLeaderElection(elector)
	over := make(chan struct{})
	go func() {
		defer close(over)
		elector.Run(leaseCtx)
	}()

	var result error
	select {
	case result = <-led:
		// lead returns only at ctx's end, on its own failure, or when the lease went.
		if result == nil && ctx.Err() == nil {
			result = errLeaseLost
		}
	case <-over:
		result = errLeaseLost
	case <-ctx.Done():
		select {
		case <-leading:
			result = awaitWork(ctx, led)
		default:
		}
	}
	lock.close()
	release()
	<-over
	return result
}

// awaitWork gives the work its grace after ctx ended.
func awaitWork(ctx context.Context, led <-chan error) error {
	timer := time.NewTimer(shutdownGrace)
	defer timer.Stop()
	select {
	case err := <-led:
		return err
	case <-timer.C:
		klog.FromContext(ctx).Info("Stopping although work is still in flight", "grace", shutdownGrace)
		return nil
	}
}
