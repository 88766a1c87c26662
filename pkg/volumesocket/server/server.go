// Package server answers the FlexVolume driver over the volume socket of a
// master. It is local: the directory's and the socket's permissions, and the
// uid of the peer, say who may ask.
package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"k8s.io/klog/v2"

	"github.com/kube-aliyun/kube-aliyun/pkg/volumesocket/wire"
)

// Volumes does the work.
type Volumes interface {
	// Attach brings a volume's disk to a Node's server and returns its path there.
	Attach(ctx context.Context, req wire.Request) (device string, err error)
	// Detach takes it from there; a disk that is not there is no error.
	Detach(ctx context.Context, volume, node string) error
	// IsAttached says whether it is there.
	IsAttached(ctx context.Context, req wire.Request) (bool, error)
}

const (
	// DefaultOperationTimeout bounds an attach or a detach; the attach/detach
	// controller asks again.
	DefaultOperationTimeout = 100 * time.Second
	// DefaultQuestionTimeout bounds the question whether a disk is attached.
	DefaultQuestionTimeout = 15 * time.Second
	// DefaultConcurrent is how many requests are answered at a time.
	DefaultConcurrent = 512
	// transferTimeout bounds the reading of a request and the writing of a reply.
	transferTimeout = 5 * time.Second

	directoryMode = 0o750
	socketMode    = 0o660
)

// Options of a Server. Path and Volumes are needed.
type Options struct {
	// Path is the socket's; its directory is made if it is not there.
	Path string
	// Group gets the directory and the socket; negative: they keep the process's.
	Group int
	// PeerUIDs are the users who may ask, beside root and the process's own.
	PeerUIDs []int
	Volumes  Volumes
	// Operation and Question bound the requests, Concurrent their number; 0: the
	// defaults.
	Operation, Question time.Duration
	Concurrent          int
}

// Server is a socket that is listened on.
type Server struct {
	opts     Options
	listener *net.UnixListener
	// lock keeps a second process from taking the socket away.
	lock  *os.File
	slots chan struct{}
}

var errBusy = errors.New("too many volumes are being attached and detached at this moment: it is tried again")

// Listen makes the socket. One that a dead process left is replaced; one that a
// living process listens on is an error.
func Listen(ctx context.Context, opts Options) (*Server, error) {
	if opts.Operation <= 0 {
		opts.Operation = DefaultOperationTimeout
	}
	if opts.Question <= 0 {
		opts.Question = DefaultQuestionTimeout
	}
	if opts.Concurrent <= 0 {
		opts.Concurrent = DefaultConcurrent
	}
	directory := filepath.Dir(opts.Path)
	if err := prepare(directory, opts.Group); err != nil {
		return nil, fmt.Errorf("directory of the volume socket: %w", err)
	}
	lock, err := exclusive(filepath.Join(directory, ".lock"))
	if err != nil {
		return nil, fmt.Errorf("volume socket %s: %w", opts.Path, err)
	}
	listener, err := listen(ctx, opts.Path, opts.Group)
	if err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("volume socket %s: %w", opts.Path, err)
	}
	return &Server{opts: opts, listener: listener, lock: lock, slots: make(chan struct{}, opts.Concurrent)}, nil
}

// Serve answers until ctx ends, and returns when the last answer is given. The
// socket is removed then.
func (s *Server) Serve(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = s.listener.Close() })
	defer stop()
	defer func() { _ = s.lock.Close() }()
	var running sync.WaitGroup
	defer running.Wait()
	for {
		connection, err := s.listener.AcceptUnix()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				_ = connection.Close()
			}
			return nil
		case err != nil:
			klog.FromContext(ctx).Info("No connection was accepted on the volume socket", "err", err)
			if !pause(ctx) {
				return nil
			}
			continue
		}
		running.Go(func() { s.handle(ctx, connection) })
	}
}

// pause keeps a listener that fails from spinning.
func pause(ctx context.Context) bool {
	timer := time.NewTimer(100 * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// handle answers one connection: one request, one reply.
func (s *Server) handle(ctx context.Context, connection *net.UnixConn) {
	defer func() { _ = connection.Close() }()
	logger := klog.FromContext(ctx)
	uid, err := peer(connection)
	if err != nil || !s.allowed(uid) {
		logger.Info("A process that may not use the volume socket was refused", "uid", uid, "err", err)
		s.reply(ctx, connection, wire.Reply{Error: fmt.Sprintf("the volume socket does not serve processes of uid %d: "+
			"run kube-controller-manager as root, or name its uid in --volume-socket-peers", uid)})
		return
	}
	_ = connection.SetReadDeadline(time.Now().Add(transferTimeout))
	request, err := wire.ReadRequest(connection)
	switch {
	case errors.Is(err, io.EOF):
		return
	case err != nil:
		s.reply(ctx, connection, wire.Reply{Error: err.Error()})
		return
	}
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	default:
		s.reply(ctx, connection, wire.Reply{Error: errBusy.Error()})
		return
	}
	start := time.Now()
	reply := s.answer(ctx, request)
	logger.V(2).Info("Volume request", "verb", request.Verb, "volume", request.Volume, "node", request.Node,
		"duration", time.Since(start), "err", reply.Error)
	if ctx.Err() != nil && reply.Error != "" {
		return // who gets no answer asks the next controller
	}
	s.reply(ctx, connection, reply)
}

// answer does what a request asks for, within its time.
func (s *Server) answer(ctx context.Context, request wire.Request) (reply wire.Reply) {
	defer func() {
		if p := recover(); p != nil {
			klog.FromContext(ctx).Error(nil, "A volume request panicked", "verb", request.Verb, "volume", request.Volume, "panic", p)
			reply = wire.Reply{Error: "the controller failed internally: see its log"}
		}
	}()
	timeout := s.opts.Operation
	if request.Verb == wire.IsAttached {
		timeout = s.opts.Question
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("not done within %s", timeout))
	defer cancel()
	var err error
	switch request.Verb {
	case wire.Attach:
		reply.Device, err = s.opts.Volumes.Attach(ctx, request)
		if err == nil && reply.Device == "" {
			err = errors.New("the controller does not know the disk's path")
		}
	case wire.Detach:
		err = s.opts.Volumes.Detach(ctx, request.Volume, request.Node)
	case wire.IsAttached:
		var attached bool
		attached, err = s.opts.Volumes.IsAttached(ctx, request)
		reply.Attached = &attached
	}
	if err != nil {
		return wire.Reply{Error: err.Error()}
	}
	return reply
}

func (s *Server) reply(ctx context.Context, connection *net.UnixConn, reply wire.Reply) {
	_ = connection.SetWriteDeadline(time.Now().Add(transferTimeout))
	if err := wire.WriteReply(connection, reply); err != nil {
		klog.FromContext(ctx).V(2).Info("A volume request's caller has gone", "err", err)
	}
}

func (s *Server) allowed(uid int) bool {
	return uid == 0 || uid == os.Getuid() || slices.Contains(s.opts.PeerUIDs, uid)
}
