package echo

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
)

// Answer is what the server says, as one line of JSON.
type Answer struct {
	// Host is the server's host name: its Pod's.
	Host string `json:"host"`
	// Node is the server's $NODE_NAME, if its Pod sets it.
	Node string `json:"node,omitempty"`
	// Client is the address and port that the request came from.
	Client netip.AddrPort `json:"client"`
	// Text is what was asked: a line, a datagram, or an HTTP path.
	Text string `json:"text"`
	// Header is that of an HTTP request.
	Header http.Header `json:"header,omitempty"`
}

// Decode reads an answer.
func Decode(line []byte) (Answer, error) {
	var answer Answer
	if err := json.Unmarshal(line, &answer); err != nil {
		return Answer{}, fmt.Errorf("an answer %q: %w", line, err)
	}
	return answer, nil
}

// encode writes an answer with a line end.
func (a Answer) encode() []byte {
	line, _ := json.Marshal(a) // strings and addresses always encode
	return append(line, '\n')
}

// client is the other side of a connection, IPv4 as such.
func client(address net.Addr) netip.AddrPort {
	parsed, err := netip.ParseAddrPort(address.String())
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(parsed.Addr().Unmap(), parsed.Port())
}
