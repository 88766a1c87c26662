package wire

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// ErrTooLong is a request or a reply of more than MaxSize bytes.
var ErrTooLong = fmt.Errorf("longer than the %d KiB that the volume socket takes", MaxSize>>10)

// ReadRequest reads the request of a connection. It returns io.EOF for a peer
// that left without a word, a *VersionError for one of another version, and an
// error that holds nothing of the request for one that is no request.
func ReadRequest(r io.Reader) (Request, error) {
	var request Request
	if err := read(r, &request, func() int { return request.Version }); err != nil {
		return Request{}, err
	}
	switch {
	case request.Verb != Attach && request.Verb != Detach && request.Verb != IsAttached:
		return Request{}, errors.New("read the request: its verb is unknown")
	case request.Volume == "":
		return Request{}, errors.New("read the request: it names no volume")
	case request.Node == "":
		return Request{}, errors.New("read the request: it names no node")
	}
	return request, nil
}

// WriteReply writes the one reply of a connection. A message too long for a
// reply is cut.
func WriteReply(w io.Writer, reply Reply) error {
	if len(reply.Error) > MaxSize/8 {
		reply.Error = string(bytes.ToValidUTF8([]byte(reply.Error[:MaxSize/8]), nil)) + " ..."
	}
	reply.Version = Version
	return write(w, reply)
}

// read decodes one line. The version is looked at even when the rest does not
// fit, since another version may give the members other types.
func read(r io.Reader, into any, version func() int) error {
	line, err := bufio.NewReader(io.LimitReader(r, MaxSize+1)).ReadBytes('\n')
	switch {
	case len(line) > MaxSize:
		return ErrTooLong
	case err != nil && len(line) > 0 && errors.Is(err, io.EOF):
		return io.ErrUnexpectedEOF
	case err != nil:
		return err
	}
	var head struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(line, &head); err != nil {
		return errors.New("what was received is not one line of JSON with a version")
	}
	if head.Version != Version {
		return &VersionError{Theirs: head.Version}
	}
	if err := json.Unmarshal(line, into); err != nil || version() != Version {
		return errors.New("a member of what was received has the wrong type")
	}
	return nil
}

func write(w io.Writer, value any) error {
	line, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	if len(line)+1 > MaxSize {
		return ErrTooLong
	}
	_, err = w.Write(append(line, '\n'))
	return err
}
