package echo

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
)

// Dial opens a connection; (&net.Dialer{}).DialContext does, and so does what
// dials from a network namespace.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

var errStatus = errors.New("not the status 200")

// Get asks over HTTP, on a connection of its own.
func Get(ctx context.Context, dial Dial, url string) (Answer, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return Answer{}, fmt.Errorf("asking %s: %w", url, err)
	}
	web := &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}
	response, err := web.Do(request)
	if err != nil {
		return Answer{}, fmt.Errorf("asking %s: %w", url, err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return Answer{}, fmt.Errorf("answer of %s: %w", url, err)
	}
	if response.StatusCode != http.StatusOK {
		return Answer{}, fmt.Errorf("answer of %s: %s: %w", url, response.Status, errStatus)
	}
	return Decode(body)
}

// Ask sends a text over TCP (a line) or UDP (a datagram) of any family, from a port of its
// own, and returns the answer. A lost datagram is lost: ctx bounds the wait.
func Ask(ctx context.Context, dial Dial, network, address, text string) (Answer, error) {
	conn, err := dial(ctx, network, address)
	if err != nil {
		return Answer{}, fmt.Errorf("asking %s: %w", address, err)
	}
	defer func() { _ = conn.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	if network[:3] == "tcp" {
		text += "\n"
	}
	if _, err := io.WriteString(conn, text); err != nil {
		return Answer{}, fmt.Errorf("asking %s: %w", address, errors.Join(err, ctx.Err()))
	}
	line, err := bufio.NewReader(conn).ReadBytes('\n')
	if err != nil {
		return Answer{}, fmt.Errorf("answer of %s: %w", address, errors.Join(err, ctx.Err()))
	}
	return Decode(line)
}
