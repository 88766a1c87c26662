package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/kube-aliyun/kube-aliyun/test/environment/console"
	"github.com/kube-aliyun/kube-aliyun/test/process"
)

// launch starts a program that outlives this process, and records it. marker is
// one of its arguments, which no other process has.
func (s *starter) launch(ctx context.Context, name, binary, marker, url string, args ...string) (*process.Process, error) {
	p, err := process.Start(ctx, process.Program{
		Name: name, Binary: binary, Args: append(args, marker), Log: s.log(name), Detached: true,
	})
	if err != nil {
		return nil, err
	}
	s.record.Processes = append(s.record.Processes, process.Record{
		Name: name, PID: p.PID(), Marker: marker, Log: s.log(name), URL: url,
	})
	return p, s.save(s.record)
}

// await waits until a check finds nothing missing, as long as the program lives.
func (s *starter) await(ctx context.Context, p *process.Process, name, what string, check func(context.Context) (string, error)) error {
	_, err := s.console.Until(ctx, startLimit, what, func(ctx context.Context) (string, error) {
		if ended := p.Ended(); ended != "" {
			return "", &console.HopelessError{Err: fmt.Errorf("%s has ended (%s): %w", name, ended, errEnded)}
		}
		return check(ctx)
	})
	if err != nil {
		return fmt.Errorf("%w\n--- the end of %s:\n%s", err, s.short(s.log(name)), tail(s.log(name), 20))
	}
	return nil
}

var errEnded = errors.New("it should run; its log says why")

// tail is the end of a file.
func tail(path string, lines int) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimRight(string(content), "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// freePort is a port of the loopback address on which nobody listens now.
func freePort(ctx context.Context) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("finding a free port: %w", err)
	}
	defer func() { _ = l.Close() }() // nobody has connected
	address, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		return "", fmt.Errorf("finding a free port: %v is no TCP address", l.Addr())
	}
	return strconv.Itoa(address.Port), nil
}
