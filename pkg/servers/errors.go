package servers

import (
	"errors"
	"fmt"
	"time"

	"github.com/kube-aliyun/kube-aliyun/pkg/event"
)

// What a look-up may say besides naming a server. Everything else is a failure
// of the look-up and says nothing about the server.
var (
	// ErrForeign: the Node is not a server of this cloud and region, or is marked
	// as not to be managed. It is left alone.
	ErrForeign = errors.New("not a server of this region")
	// ErrAbsent: a good listing holds no server for the Node. This alone proves
	// nothing: see AbsentError.
	ErrAbsent = errors.New("no such server")
	// ErrRefused: the Node's clues contradict each other or another Node's.
	ErrRefused = errors.New("refused")
	// ErrUnproven: a listing held none of the servers that it was asked for,
	// which is also what a caller without permission gets to see.
	ErrUnproven = errors.New("the listing holds none of the servers asked for; the access key may lack permission for DescribeInstances")
)

// AbsentError is ErrAbsent with its evidence.
type AbsentError struct {
	// Server is the instance ID, or empty where the Node names none.
	Server string
	// First and Last are the times of the first and the latest of the unbroken row
	// of listings that lacked the server and held another one. Both are zero
	// without instance ID.
	First, Last time.Time
	clue        string
}

// Error says what was looked for.
func (e *AbsentError) Error() string {
	return fmt.Sprintf("%v: %s", ErrAbsent, e.clue)
}

// Is makes the error an ErrAbsent.
func (e *AbsentError) Is(target error) bool { return target == ErrAbsent }

// RefusedError is ErrRefused with its reason.
type RefusedError struct {
	Reason  *event.Reason
	Message string
}

// Error tells the reason.
func (e *RefusedError) Error() string { return e.Message }

// Is makes the error an ErrRefused.
func (e *RefusedError) Is(target error) bool { return target == ErrRefused }
