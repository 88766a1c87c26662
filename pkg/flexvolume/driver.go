package flexvolume

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"k8s.io/klog/v2"

	"github.com/kube-aliyun/kube-aliyun/pkg/volumesocket/wire"
)

// Name is the driver's name in volumes. Kubernetes looks for its program at
// aliyun~flexv/flexv below the plugin directory.
const Name = "aliyun/flexv"

// Version is the release; the linker sets it.
var Version = "v0.0.0-unknown"

// treeVariable names the environment variable with the folder that stands for /
// in the search for devices. The linker sets it for tests, whose loop devices
// have no serial of their own; it is empty in what users run, which therefore
// looks at the kernel's /dev and /sys whatever its environment says.
var treeVariable string

// Names of the environment variables that the driver reads.
const (
	// SocketVariable is the path of the volume socket, wire.DefaultSocket if unset.
	SocketVariable = "ALIYUN_FLEXV_SOCKET"
	// LogVariable is the path of the log, DefaultLog if unset; "off" writes none.
	LogVariable = "ALIYUN_FLEXV_LOG"
	// DebugVariable makes the log tell every step, as it did in kube-aliyun of 2017.
	DebugVariable = "ALIYUN_DEBUG"
)

// Driver answers calls.
type Driver struct {
	socket string
	// dev, sys and proc are where the kernel shows devices, state is for what must
	// outlive a process but not a restart of the server.
	dev, sys, proc, state string
	limits                limits
	calls                 map[string]call
}

// limits bound the calls, and the steps between looks at a device.
type limits struct {
	attach, isAttached, wait, mount, poll time.Duration
}

// call is what the driver can be asked for: how many arguments it takes at least
// and what it does with them.
type call struct {
	arguments int
	limit     time.Duration
	do        func(ctx context.Context, arguments []string) (reply, error)
}

// New is the driver as the environment configures it.
func New() *Driver {
	root := "/"
	if treeVariable != "" && os.Getenv(treeVariable) != "" {
		root = os.Getenv(treeVariable)
	}
	d := &Driver{
		socket: os.Getenv(SocketVariable),
		dev:    filepath.Join(root, "dev"),
		sys:    filepath.Join(root, "sys"),
		state:  filepath.Join(root, "run/kube-aliyun/flexv"),
		proc:   "/proc",
		limits: limits{
			// The controller ends its side after 100 s and 15 s; it can say why.
			attach: 110 * time.Second, isAttached: 15 * time.Second,
			// Kubelet ends waitforattach after 10 minutes.
			wait: 90 * time.Second,
			// Long enough for fsck of a large disk, which must not be cut short.
			mount: time.Hour,
			poll:  500 * time.Millisecond,
		},
	}
	if d.socket == "" {
		d.socket = wire.DefaultSocket
	}
	d.calls = map[string]call{
		"init":          {0, time.Minute, d.init},
		"attach":        {2, d.limits.attach, d.attach},
		"isattached":    {2, d.limits.isAttached, d.isAttached},
		"detach":        {2, d.limits.attach, d.detach},
		"waitforattach": {2, d.limits.wait, d.waitForAttach},
		"mountdevice":   {3, d.limits.mount, d.mountDevice},
		"mount":         {2, d.limits.mount, d.mount},
		"unmountdevice": {1, d.limits.mount, d.unmountDevice},
		"expandfs":      {5, d.limits.mount, d.expandFS},
	}
	return d
}

// Run answers one call, the arguments of the process without its name, and
// returns its exit status: 0 for success and nothing else.
func (d *Driver) Run(ctx context.Context, arguments []string, out io.Writer) int {
	begin := time.Now()
	answer := d.answer(ctx, arguments)
	if len(arguments) > 0 && arguments[0] != "init" {
		klog.FromContext(ctx).Info("Call", "call", arguments[0], "status", answer.Status, "device", answer.Device,
			"message", answer.Message, "took", time.Since(begin).Round(time.Millisecond))
	}
	return answer.write(out)
}

// answer never panics: a caller that gets no JSON learns nothing.
func (d *Driver) answer(ctx context.Context, arguments []string) (answer reply) {
	defer func() {
		if what := recover(); what != nil {
			klog.FromContext(ctx).Error(nil, "Panic", "what", what, "stack", string(debug.Stack()))
			answer = failure(fmt.Errorf("the driver broke off, which is a fault in it: %v", what))
		}
	}()
	if len(arguments) == 0 {
		return failure(errors.New("no call was named; the driver is run by kubelet and kube-controller-manager, try --help"))
	}
	c, ok := d.calls[arguments[0]]
	if !ok {
		return notSupported()
	}
	arguments = arguments[1:]
	if len(arguments) < c.arguments {
		return failure(fmt.Errorf("the call needs %d arguments and got %d", c.arguments, len(arguments)))
	}
	ctx, cancel := context.WithTimeout(ctx, c.limit)
	defer cancel()
	answer, err := c.do(ctx, arguments)
	if err != nil {
		return failure(err)
	}
	answer.Status = statusSuccess
	return answer
}

func (d *Driver) init(context.Context, []string) (reply, error) {
	return reply{Capabilities: &capabilities{
		Attach: true, SELinuxRelabel: true, SupportsMetrics: true, FSGroup: true, RequiresFSResize: true,
	}}, nil
}
