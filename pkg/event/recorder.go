package event

import (
	"fmt"
	"regexp"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/record"
	"k8s.io/utils/clock"
)

const (
	// DefaultInterval is how long an identical event of one object is held back.
	DefaultInterval = 5 * time.Minute
	// maxMessage is the API server's limit of an event's message in bytes.
	maxMessage = 1024
	// maxRemembered bounds the memory of recorded events.
	maxRemembered = 10000
)

// requestID is what differs in the answers to one call that is made again.
var requestID = regexp.MustCompile(`request ID [0-9A-Za-z-]+`)

// Recorder records events; an event that repeats an earlier one of the same
// object, word by word but for the request ID, is dropped until the interval is
// over. It is safe for concurrent use.
type Recorder struct {
	recorder record.EventRecorder
	clock    clock.PassiveClock
	interval time.Duration

	mu       sync.Mutex
	recorded map[occurrence]time.Time
}

type occurrence struct {
	object, reason, message string
}

// New returns a Recorder over a Kubernetes recorder, with DefaultInterval and
// the real clock.
func New(recorder record.EventRecorder) *Recorder {
	return NewWithClock(recorder, clock.RealClock{}, DefaultInterval)
}

// NewWithClock returns a Recorder with its own clock and interval.
func NewWithClock(recorder record.EventRecorder, c clock.PassiveClock, interval time.Duration) *Recorder {
	return &Recorder{recorder: recorder, clock: c, interval: interval, recorded: map[occurrence]time.Time{}}
}

// Event records a reason on an object. The message says what happened, to what,
// why, and what to do, with the request ID where a cloud call failed.
func (r *Recorder) Event(object runtime.Object, reason *Reason, format string, args ...any) {
	message := cut(fmt.Sprintf(format, args...))
	if !r.isNew(occurrence{object: identity(object), reason: reason.Name, message: requestID.ReplaceAllString(message, "")}) {
		return
	}
	r.recorder.Event(object, string(reason.Type), reason.Name, message)
}

func (r *Recorder) isNew(o occurrence) bool {
	now := r.clock.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if at, found := r.recorded[o]; found && now.Sub(at) < r.interval {
		return false
	}
	if len(r.recorded) >= maxRemembered {
		r.forget(now)
	}
	r.recorded[o] = now
	return true
}

// forget drops what is older than the interval, or everything if nothing is:
// repeating an event is better than growing without bound.
func (r *Recorder) forget(now time.Time) {
	for o, at := range r.recorded {
		if now.Sub(at) >= r.interval {
			delete(r.recorded, o)
		}
	}
	if len(r.recorded) >= maxRemembered {
		clear(r.recorded)
	}
}

// identity tells objects apart, also two of one name.
func identity(object runtime.Object) string {
	accessor, err := meta.Accessor(object)
	if err != nil {
		return fmt.Sprintf("%T", object)
	}
	return fmt.Sprintf("%T/%s/%s/%s", object, accessor.GetNamespace(), accessor.GetName(), accessor.GetUID())
}

func cut(message string) string {
	if len(message) <= maxMessage {
		return message
	}
	const ellipsis = "…"
	end := maxMessage - len(ellipsis)
	for end > 0 && message[end]&0xC0 == 0x80 {
		end--
	}
	return message[:end] + ellipsis
}
