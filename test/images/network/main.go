// Network is the program of the network-test image. As a server it answers who
// asked and who answers; as a client it asks, so that `kubectl exec` can ask from
// a Pod:
//
//	network serve --http=8080 --tcp=8081 --udp=8081 --proxied-tcp=8082 --grace=30s
//	network get URL
//	network tcp|udp ADDRESS TEXT
//	network write FILE TEXT, network read FILE, network size FOLDER
//
// Without arguments it serves with these ports. The client prints the answer, and
// gives up after five seconds.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/images/echo"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

const askTimeout = 5 * time.Second

var errUsage = errors.New("usage: network [serve [flags] | get URL | tcp ADDRESS TEXT | udp ADDRESS TEXT | write FILE TEXT | read FILE | size FOLDER]")

func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) == 0 {
		args = []string{"serve"}
	}
	if args[0] == "serve" {
		return serve(ctx, args[1:])
	}
	if known, err := volume(args, out); known {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	dial := (&net.Dialer{}).DialContext
	var answer echo.Answer
	var err error
	switch {
	case args[0] == "get" && len(args) == 2:
		answer, err = echo.Get(ctx, dial, args[1])
	case (args[0] == "tcp" || args[0] == "udp") && len(args) == 3:
		answer, err = echo.Ask(ctx, dial, args[0], args[1], args[2])
	default:
		return errUsage
	}
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(answer)
}

func serve(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	web := flags.String("http", "8080", "ports of HTTP")
	tcp := flags.String("tcp", "8081", "ports of TCP")
	udp := flags.String("udp", "8081", "ports of UDP")
	proxied := flags.String("proxied-tcp", "8082", "ports of TCP with the PROXY protocol")
	grace := flags.Duration("grace", 30*time.Second, "how long open connections may go on after SIGTERM")
	if err := flags.Parse(args); err != nil {
		return err
	}
	host, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("own name: %w", err)
	}
	server := &echo.Server{Host: host, Node: os.Getenv("NODE_NAME"), Grace: *grace}
	if server.HTTP, err = listen(ctx, *web); err != nil {
		return err
	}
	if server.TCP, err = listen(ctx, *tcp); err != nil {
		return err
	}
	if server.ProxiedTCP, err = listen(ctx, *proxied); err != nil {
		return err
	}
	for port := range ports(*udp) {
		conn, err := (&net.ListenConfig{}).ListenPacket(ctx, "udp", ":"+port)
		if err != nil {
			return fmt.Errorf("port %s: %w", port, err)
		}
		server.UDP = append(server.UDP, conn)
	}
	return server.Serve(ctx)
}

func listen(ctx context.Context, list string) ([]net.Listener, error) {
	var listeners []net.Listener
	for port := range ports(list) {
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", ":"+port)
		if err != nil {
			return nil, fmt.Errorf("port %s: %w", port, err)
		}
		listeners = append(listeners, listener)
	}
	return listeners, nil
}

// ports are those of a list with commas; an empty one has none.
func ports(list string) func(yield func(string) bool) {
	return strings.FieldsFuncSeq(list, func(r rune) bool { return r == ',' })
}
