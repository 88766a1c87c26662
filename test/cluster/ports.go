package cluster

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// Ports below the range that the kernel gives to outgoing connections (32768
// and above): a port from that range may be taken by a client between the
// choice and the program's start.
const (
	lowestPort  = 18000
	highestPort = 29999
)

// usualPorts are those of the programs on a server of their own.
var usualPorts = map[string]int{
	etcdName:              2379,
	apiServerName:         6443,
	controllerManagerName: 10257,
	schedulerName:         10259,
}

var errNoPort = errors.New("no free port found")

// freePort returns a port on the host that nothing listens on at this moment.
func freePort(ctx context.Context, host string) (int, error) {
	var last error
	for range 100 {
		port := lowestPort + rand.IntN(highestPort-lowestPort+1)
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(port)))
		if err != nil {
			last = err
			continue
		}
		if err := listener.Close(); err != nil {
			return 0, fmt.Errorf("releasing port %d: %w", port, err)
		}
		return port, nil
	}
	return 0, fmt.Errorf("%w on %s: %w", errNoPort, host, last)
}
