package gateway

import (
	"hash/maphash"
	"sync"
	"time"
)

// maxNonces bounds the memory for nonces of one period.
const maxNonces = 1 << 20

// nonces remembers which nonces were used, by hash. A nonce is kept for at least
// two windows: as long as a request with its time stamp could come again.
type nonces struct {
	mu      sync.Mutex
	seed    maphash.Seed
	periods [3]map[uint64]struct{}
	since   time.Time
}

func newNonces() *nonces {
	n := &nonces{seed: maphash.MakeSeed()}
	for i := range n.periods {
		n.periods[i] = map[uint64]struct{}{}
	}
	return n
}

// use records a nonce; false when it was used before.
func (n *nonces) use(nonce string, now time.Time, window time.Duration) bool {
	h := maphash.String(n.seed, nonce)
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, period := range n.periods {
		if _, used := period[h]; used {
			return false
		}
	}
	if now.Sub(n.since) >= window || len(n.periods[0]) >= maxNonces {
		n.periods = [3]map[uint64]struct{}{{}, n.periods[0], n.periods[1]}
		n.since = now
	}
	n.periods[0][h] = struct{}{}
	return true
}
