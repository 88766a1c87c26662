// Package journal records what the simulator was asked and what it answered.
package journal

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// Outcomes of calls that got no answer with a code.
const (
	OK = "OK"
	// Pending is a call that is being handled.
	Pending = ""
	// DroppedReply is a success whose reply was withheld.
	DroppedReply = "DroppedReply"
	// Reset is a call whose connection was reset before it was handled.
	Reset = "Reset"
	// Gone is a call whose client left before the reply.
	Gone = "ClientGone"
)

// Entry is one call. Params lack what belongs to the protocol and what is secret.
type Entry struct {
	Seq       int64         `json:"seq"`
	RequestID string        `json:"requestId"`
	Time      time.Time     `json:"time"`
	Duration  time.Duration `json:"durationNanoseconds"`
	Method    string        `json:"method"`
	Product   api.Product   `json:"product,omitempty"`
	Action    string        `json:"action"`
	Mutating  bool          `json:"mutating,omitempty"`
	// Key is the caller's access key id.
	Key    string            `json:"accessKeyId,omitempty"`
	Params map[string]string `json:"params,omitempty"`
	// Code is OK, the code of the failure, or one of this package's outcomes.
	Code   string `json:"code"`
	Status int    `json:"status"`
	// Message is the failure's message.
	Message string `json:"message,omitempty"`
	// Fault is the kind of the injected fault, when one hit the call.
	Fault string `json:"fault,omitempty"`
}

// Journal keeps the latest calls and counts all of them. It is safe for
// concurrent use.
type Journal struct {
	mu       sync.Mutex
	capacity int
	seq      int64
	first    int64
	ring     []*Entry
	calls    map[string]int
	codes    map[string]map[string]int
	watchers []func(Entry)
}

// New makes a journal that keeps capacity entries.
func New(capacity int) *Journal {
	return &Journal{capacity: capacity, first: 1, calls: map[string]int{}, codes: map[string]map[string]int{}}
}

// Begin records the arrival of a call and counts it. The entry must be given to
// End, and not be touched afterwards.
func (j *Journal) Begin(e *Entry) {
	for _, watch := range j.begin(e) {
		watch(*e)
	}
}

func (j *Journal) begin(e *Entry) []func(Entry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.seq++
	e.Seq = j.seq
	j.calls[e.Action]++
	stored := *e
	if len(j.ring) < j.capacity {
		j.ring = append(j.ring, &stored)
	} else {
		j.ring[int((e.Seq-1)%int64(j.capacity))] = &stored
	}
	return slices.Clone(j.watchers)
}

// Watch has a function told of every call from now on when it arrives, before
// anything is done about it. Calls are handled at the same time, and wait for it.
func (j *Journal) Watch(f func(Entry)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.watchers = append(j.watchers, f)
}

// End records the outcome of a call.
func (j *Journal) End(e *Entry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if e.Seq >= j.first {
		if j.codes[e.Action] == nil {
			j.codes[e.Action] = map[string]int{}
		}
		j.codes[e.Action][e.Code]++
	}
	if stored := j.at(e.Seq); stored != nil {
		*stored = *e
	}
}

func (j *Journal) at(seq int64) *Entry {
	if seq <= j.seq-int64(len(j.ring)) || seq > j.seq {
		return nil
	}
	return j.ring[int((seq-1)%int64(j.capacity))]
}

// Since returns the kept entries with a number above seq, oldest first. Entries
// from before the last Reset are not among them.
func (j *Journal) Since(seq int64) []Entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	from := max(seq+1, j.first, j.seq-int64(len(j.ring))+1)
	out := make([]Entry, 0, max(j.seq-from+1, 0))
	for ; from <= j.seq; from++ {
		out = append(out, *j.at(from))
	}
	return out
}

// Calls counts calls per action since the last Reset, whatever their outcome.
func (j *Journal) Calls() map[string]int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return maps.Clone(j.calls)
}

// Codes counts finished calls per action and code since the last Reset.
func (j *Journal) Codes() map[string]map[string]int {
	j.mu.Lock()
	defer j.mu.Unlock()
	out := make(map[string]map[string]int, len(j.codes))
	for action, codes := range j.codes {
		out[action] = maps.Clone(codes)
	}
	return out
}

// Reset sets the counters to zero and empties the journal. Calls in flight are
// not counted after it; numbers go on.
func (j *Journal) Reset() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.first = j.seq + 1
	clear(j.calls)
	clear(j.codes)
}
