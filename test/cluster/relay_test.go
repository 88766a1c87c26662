package cluster

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"
)

func TestRelayPassesBothWaysAndEndsWithItsConnections(t *testing.T) {
	server, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	go func() {
		conn, err := server.Accept()
		if err == nil {
			_, _ = io.Copy(conn, conn)
			_ = conn.Close()
		}
	}()
	r, err := startRelay(t.Context(), func(ctx context.Context) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp4", server.Addr().String())
	})
	if err != nil {
		t.Fatal(err)
	}
	client, err := (&net.Dialer{}).DialContext(t.Context(), "tcp4", r.Address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	if err := client.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 4)
	if _, err := io.WriteString(client, "ping"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(client, answer); err != nil || string(answer) != "ping" {
		t.Fatalf("got %q, %v", answer, err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	var timeout net.Error
	if _, err := client.Read(answer); err == nil || errors.As(err, &timeout) && timeout.Timeout() {
		t.Errorf("the connection outlived the relay: %v", err)
	}
	if _, err := (&net.Dialer{}).DialContext(t.Context(), "tcp4", r.Address()); err == nil {
		t.Error("a closed relay has accepted a connection")
	}
}

func TestClientOfARelayToNowhereIsTold(t *testing.T) {
	r, err := startRelay(t.Context(), func(context.Context) (net.Conn, error) { return nil, net.ErrClosed })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	client, err := (&net.Dialer{}).DialContext(t.Context(), "tcp4", r.Address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	if err := client.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("got %v, want the end of the connection", err)
	}
}
