package wire

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"
)

// dialTimeout bounds how long a controller may leave a connection unaccepted.
const dialTimeout = 3 * time.Second

// Call sends the request to the socket and waits for the reply until the context
// ends. A reply that tells a failure is no error of Call: look at Reply.Error.
// The errors that mean that nobody listens can be told by errors.Is with
// fs.ErrNotExist, fs.ErrPermission and syscall.ECONNREFUSED; a controller of
// another version is a *VersionError.
func Call(ctx context.Context, socket string, request Request) (Reply, error) {
	dialer := net.Dialer{Timeout: dialTimeout}
	connection, err := dialer.DialContext(ctx, "unix", socket)
	if err != nil {
		return Reply{}, fmt.Errorf("connect to the volume socket: %w", err)
	}
	// Closed when the context ends, which ends the read below.
	stop := context.AfterFunc(ctx, func() { _ = connection.Close() })
	defer func() {
		if stop() {
			_ = connection.Close()
		}
	}()

	request.Version = Version
	if err := write(connection, request); err != nil {
		return Reply{}, fmt.Errorf("send the request over the volume socket: %w", ended(ctx, err))
	}
	var reply Reply
	if err := read(connection, &reply, func() int { return reply.Version }); err != nil {
		return Reply{}, fmt.Errorf("read the reply from the volume socket: %w", ended(ctx, err))
	}
	return reply, nil
}

// ended names the context's end rather than the closed connection it caused.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, net.ErrClosed) {
		return context.Cause(ctx)
	}
	return err
}
