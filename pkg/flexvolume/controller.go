package flexvolume

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/kube-aliyun/kube-aliyun/pkg/volumesocket/wire"
)

func (d *Driver) attach(ctx context.Context, arguments []string) (reply, error) {
	request, err := d.request(wire.Attach, arguments)
	if err != nil {
		return reply{}, err
	}
	answer, err := d.ask(ctx, request)
	if err != nil {
		return reply{}, err
	}
	if answer.Device == "" {
		return reply{}, errors.New("the controller attached the disk and did not say which device it is; its version does not fit the driver's")
	}
	return reply{Device: answer.Device}, nil
}

func (d *Driver) isAttached(ctx context.Context, arguments []string) (reply, error) {
	request, err := d.request(wire.IsAttached, arguments)
	if err != nil {
		return reply{}, err
	}
	answer, err := d.ask(ctx, request)
	if err != nil {
		return reply{}, err
	}
	if answer.Attached == nil {
		return reply{}, errors.New("the controller did not say whether the disk is attached; its version does not fit the driver's")
	}
	return reply{Attached: answer.Attached}, nil
}

// detach gets the volume's name and no options.
func (d *Driver) detach(ctx context.Context, arguments []string) (reply, error) {
	volume, node := arguments[0], arguments[1]
	if volume == "" || node == "" {
		return reply{}, errors.New("detach needs the names of a volume and a node, and one of them is empty")
	}
	_, err := d.ask(ctx, wire.Request{Verb: wire.Detach, Volume: volume, Node: node})
	return reply{}, err
}

func (d *Driver) request(verb wire.Verb, arguments []string) (wire.Request, error) {
	o, err := parseOptions(arguments[0])
	switch {
	case err != nil:
		return wire.Request{}, err
	case o.disk == "":
		return wire.Request{}, errNoDisk
	case o.name == "":
		return wire.Request{}, fmt.Errorf("the options lack %s, the volume's name", keyName)
	case arguments[1] == "":
		return wire.Request{}, errors.New("the call names no node")
	}
	return wire.Request{Verb: verb, Volume: o.name, Node: arguments[1], Options: o.forController()}, nil
}

// ask passes the request on, and turns what went wrong into what to do about it.
func (d *Driver) ask(ctx context.Context, request wire.Request) (wire.Reply, error) {
	if d.calledByKubelet() {
		return wire.Reply{}, fmt.Errorf("%s was called by a kubelet; disks are attached by kube-controller-manager: "+
			"set enableControllerAttachDetach to true in the kubelet's configuration", request.Verb)
	}
	answer, err := d.call(ctx, request)
	var version *wire.VersionError
	switch {
	case err == nil && answer.Error != "":
		return wire.Reply{}, errors.New(answer.Error)
	case err == nil:
		return answer, nil
	case errors.Is(err, fs.ErrNotExist):
		return wire.Reply{}, fmt.Errorf("no volume socket at %s: aliyun-controller does not run on this master, "+
			"or the socket's folder is not mounted into kube-controller-manager", d.socket)
	case errors.Is(err, syscall.ECONNREFUSED):
		return wire.Reply{}, fmt.Errorf("nobody answers at the volume socket %s: aliyun-controller does not run on this master", d.socket)
	case errors.Is(err, fs.ErrPermission):
		return wire.Reply{}, fmt.Errorf("user %d may not use the volume socket %s: "+
			"let aliyun-controller give it to the group of kube-controller-manager", os.Getuid(), d.socket)
	case errors.As(err, &version):
		return wire.Reply{}, version
	case errors.Is(err, context.DeadlineExceeded):
		return wire.Reply{}, fmt.Errorf("the controller did not answer %s of volume %s in time; the call will be repeated", request.Verb, request.Volume)
	default:
		return wire.Reply{}, fmt.Errorf("%s of volume %s: %w", request.Verb, request.Volume, err)
	}
}

const (
	// startWait is how long a call waits for a controller that is being replaced:
	// long enough for a container to start, and short enough to say soon that none
	// runs.
	startWait = 4 * time.Second
	// questionWait is the same for isattached, which kube-controller-manager asks of
	// one volume after the other.
	questionWait = time.Second
	// callPause is the pause between two tries.
	callPause = 100 * time.Millisecond
)

// call sends the request, and sends it again when nobody listens or the controller
// went before it answered: a controller that is replaced is back in a moment, and
// each request may be repeated. The time counts from when a controller was last there.
func (d *Driver) call(ctx context.Context, request wire.Request) (wire.Reply, error) {
	wait := startWait
	if request.Verb == wire.IsAttached {
		wait = questionWait
	}
	until := time.Now().Add(wait)
	for {
		answer, err := wire.Call(ctx, d.socket, request)
		if err == nil || !absent(err) && !cut(err) {
			return answer, err
		}
		if cut(err) {
			until = time.Now().Add(wait)
		}
		if time.Now().After(until) {
			return answer, err
		}
		timer := time.NewTimer(callPause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return answer, err
		}
	}
}

// absent says that nobody listens.
func absent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED)
}

// cut says that the peer left without an answer.
func cut(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// calledByKubelet tells a kubelet that attaches by itself: it has no socket on
// most servers, and nobody would detach for it when it dies.
func (d *Driver) calledByKubelet() bool {
	name, err := os.ReadFile(filepath.Join(d.proc, strconv.Itoa(os.Getppid()), "comm"))
	return err == nil && strings.TrimSpace(string(name)) == "kubelet"
}
