package manager

import (
	"context"
	"fmt"
	"time"

	"k8s.io/klog/v2"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/credentials"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/transport"
	"github.com/kube-aliyun/kube-aliyun/pkg/disks"
	"github.com/kube-aliyun/kube-aliyun/pkg/servers"
	"github.com/kube-aliyun/kube-aliyun/pkg/volumesocket/server"
	"github.com/kube-aliyun/kube-aliyun/pkg/volumesocket/wire"
)

// volumes is what the volume socket asks. The socket is there from the start, so
// that the driver can be told what the controller still waits for.
type volumes struct {
	ready *readiness
	// grace is until when requests wait for opened, which is closed when disks does
	// the work: a controller that takes another one's place fails none of them.
	grace  time.Time
	opened chan struct{}
	disks  *disks.Volumes
}

// openGrace is how long after its start a controller lets requests wait.
const openGrace = 4 * time.Second

func newVolumes(ready *readiness) *volumes {
	return &volumes{ready: ready, grace: time.Now().Add(openGrace), opened: make(chan struct{})}
}

// needed are the conditions without which no disk can be looked at.
var needed = []string{conditionLocation, conditionCredentials, conditionInformers}

// current returns what does the work, or why nothing does.
func (v *volumes) current(ctx context.Context) (*disks.Volumes, error) {
	timer := time.NewTimer(time.Until(v.grace))
	defer timer.Stop()
	open := false
	select {
	case <-v.opened:
		open = true
	default:
		select {
		case <-v.opened:
			open = true
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	if reason := v.ready.unmetAmong(needed); !open || reason != "" {
		if reason == "" {
			reason = "it is starting"
		}
		return nil, fmt.Errorf("aliyun-controller on this master is not ready: %s", reason)
	}
	return v.disks, nil
}

// open lets requests through; it is called once.
func (v *volumes) open(d *disks.Volumes) {
	v.disks = d
	close(v.opened)
}

// Attach implements server.Volumes.
func (v *volumes) Attach(ctx context.Context, req wire.Request) (string, error) {
	d, err := v.current(ctx)
	if err != nil {
		return "", err
	}
	return d.Attach(ctx, req)
}

// Detach implements server.Volumes.
func (v *volumes) Detach(ctx context.Context, volume, node string) error {
	d, err := v.current(ctx)
	if err != nil {
		return err
	}
	return d.Detach(ctx, volume, node)
}

// IsAttached implements server.Volumes.
func (v *volumes) IsAttached(ctx context.Context, req wire.Request) (bool, error) {
	d, err := v.current(ctx)
	if err != nil {
		return false, err
	}
	return d.IsAttached(ctx, req)
}

// serveVolumes serves the volume socket, where one is configured, until the
// returned function is called, which waits for its end. A socket that cannot be
// had keeps nothing else from working: it is tried again.
func (r *replica) serveVolumes(ctx context.Context) (stop func()) {
	cfg := r.cfg.Volumes
	if cfg.Socket == "" {
		return func() {}
	}
	v := newVolumes(r.ready)
	r.volumes = v
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		var socket *server.Server
		err := retry(ctx, func() (err error) {
			socket, err = server.Listen(ctx, server.Options{Path: cfg.Socket, Group: cfg.Group, PeerUIDs: cfg.Peers, Volumes: v})
			return err
		})
		if err != nil {
			return // the process ends
		}
		klog.FromContext(ctx).Info("Serving the FlexVolume driver", "socket", cfg.Socket)
		if err := socket.Serve(ctx); err != nil {
			klog.FromContext(ctx).Error(err, "The volume socket is not served any more", "socket", cfg.Socket)
		}
	}()
	return func() {
		cancel()
		<-ended
	}
}

// makeVolumes makes what attaches and detaches disks. It has a transport of its
// own: every replica serves its master, elected or not, because the election of
// kube-controller-manager sees to it that one of them is asked.
func (p *parts) makeVolumes(ctx context.Context, source credentials.Source, observe func(transport.Attempt)) error {
	if p.replica.volumes == nil {
		return nil
	}
	opts := transportOptions(p.replica.cfg)
	opts.Credentials, opts.Observe = source, observe
	opts.Fence = func() error {
		if ctx.Err() != nil {
			return errStopping
		}
		return nil
	}
	t, err := transport.New(opts)
	if err != nil {
		return fmt.Errorf("transport of the volumes: %w", err)
	}
	p.volumeTransport = t
	return nil
}

// newVolumes makes the disks over that transport; nil without one.
func (p *parts) newVolumes(snapshot *servers.Snapshot) *disks.Volumes {
	if p.volumeTransport == nil {
		return nil
	}
	cfg, core := p.replica.cfg, p.informers.Core().V1()
	core.PersistentVolumes().Informer()
	p.room = disks.NewRoom(disks.RoomOptions{
		Cloud: ecs.New(p.volumeTransport), Servers: snapshot, Kubernetes: p.replica.framework.Client, Nodes: core.Nodes().Lister(),
	})
	return disks.New(disks.Options{
		ClusterID: p.clusterID, Region: cfg.Location.Region, Cloud: ecs.New(p.volumeTransport), Servers: snapshot,
		Kubernetes: p.replica.framework.Client, Volumes: core.PersistentVolumes().Lister(), Nodes: core.Nodes().Lister(),
		Events: p.events, Inline: disks.InlineVolumes(cfg.Volumes.Inline), PerServer: cfg.Volumes.PerServer,
	})
}

// runVolumes lets the socket's requests through until the returned function is
// called.
func (p *parts) runVolumes(ctx context.Context) (stop func()) {
	if p.volumes == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.volumes.Run(ctx)
	}()
	p.replica.volumes.open(p.volumes)
	return func() {
		cancel()
		<-ended
	}
}

// startRoom has the Nodes tell how many disks their servers can take.
func (p *parts) startRoom(ctx context.Context, running *group) {
	if p.room == nil {
		return
	}
	running.start(ctx, "room for disks", func(ctx context.Context) error {
		p.room.Run(ctx)
		return nil
	})
}
