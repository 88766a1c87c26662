package routes

import (
	"maps"
	"net/netip"
	"sync"
	"time"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/vpc"
	"github.com/kube-aliyun/kube-aliyun/pkg/metric"
)

// memory is what is known of one table's entries: the last whole reading and the
// own writes and partial readings since.
type memory struct {
	id string

	mu      sync.Mutex
	entries map[netip.Prefix]Entry
	// readAt is when the last whole reading began; zero before the first.
	readAt time.Time
	// doubted: an answer contradicted the memory, or a write's outcome is unknown.
	doubted bool
	// seq counts changes; touched holds the change that last concerned a
	// destination, so that a whole reading does not undo what came after it began.
	seq     uint64
	touched map[netip.Prefix]uint64
}

func newMemory(id string) *memory {
	return &memory{id: id, entries: map[netip.Prefix]Entry{}, touched: map[netip.Prefix]uint64{}}
}

// trusted reports whether the memory may be acted on: read no longer ago than age
// and not contradicted since (zero age: any).
func (m *memory) trusted(now time.Time, age time.Duration) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return !m.readAt.IsZero() && !m.doubted && now.Sub(m.readAt) <= age
}

// readWithin reports whether the whole table was read no longer ago than age.
func (m *memory) readWithin(now time.Time, age time.Duration) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return !m.readAt.IsZero() && now.Sub(m.readAt) <= age
}

// doubt ends the trust until the next whole reading.
func (m *memory) doubt() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.doubted = true
}

// begin returns the mark to hand to replace when a whole reading is done.
func (m *memory) begin() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.doubted = false // a doubt from now on is about this reading too
	return m.seq
}

// replace takes over a whole reading that began at the mark.
func (m *memory) replace(list []vpc.RouteEntry, mark uint64, at time.Time) {
	read := make(map[netip.Prefix]Entry, len(list))
	custom := 0
	for _, e := range list {
		if entry, ok := newEntry(e); ok {
			read[entry.Prefix] = entry
		}
		if e.Custom {
			custom++
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for prefix, seq := range m.touched {
		if seq <= mark {
			delete(m.touched, prefix)
			continue
		}
		if e, ok := m.entries[prefix]; ok {
			read[prefix] = e
		} else {
			delete(read, prefix)
		}
	}
	m.entries, m.readAt = read, at
	metric.RouteEntries.WithLabelValues(m.id).Set(float64(custom))
}

// failed notes that a whole reading failed.
func (m *memory) failed() { m.doubt() }

// set notes what a destination holds now; nil: nothing.
func (m *memory) set(prefix netip.Prefix, e *Entry) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seq++
	m.touched[prefix] = m.seq
	if e == nil {
		delete(m.entries, prefix)
		return
	}
	m.entries[prefix] = *e
}

// get returns the entry with a destination.
func (m *memory) get(prefix netip.Prefix) (Entry, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.entries[prefix]
	return e, ok
}

// view calls f with the table as it is remembered. f must be quick and must not
// keep the map.
func (m *memory) view(needed bool, f func(*Table)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f(&Table{ID: m.id, Needed: needed, Entries: m.entries})
}

// table returns a copy.
func (m *memory) table(needed bool) Table {
	m.mu.Lock()
	defer m.mu.Unlock()
	return Table{ID: m.id, Needed: needed, Entries: maps.Clone(m.entries)}
}

// custom counts the custom entries.
func (m *memory) custom() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, e := range m.entries {
		if e.Custom {
			n++
		}
	}
	return n
}

// holds reports whether any entry bears the cluster's mark.
func (m *memory) holds(clusterID string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range m.entries {
		if e.ours(clusterID) {
			return true
		}
	}
	return false
}

// witness returns a destination that the table always has: one of the system's.
func (m *memory) witness() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range m.entries {
		if !e.Custom {
			return e.CIDR
		}
	}
	return ""
}
