package balance

import (
	"encoding/hex"
	"hash/fnv"
	"net/netip"
	"sync"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/network"
)

// pool chooses backends for a proxy. It is safe for concurrent use.
type pool struct {
	mu        sync.Mutex
	scheduler network.Scheduler
	// chosen get connections.
	chosen []network.Backend
	// credit is what each of chosen has gained and not yet paid for turns.
	credit map[netip.AddrPort]int
	// persistence is for how long a client keeps its backend.
	persistence time.Duration
	clients     map[netip.Addr]kept
	// established is for how long a connection may be silent; 0 is for ever.
	established time.Duration
}

// kept is the backend of a client.
type kept struct {
	backend netip.AddrPort
	until   time.Time
}

func newPool() *pool {
	return &pool{credit: map[netip.AddrPort]int{}, clients: map[netip.Addr]kept{}}
}

// set says which backends there are to choose.
func (p *pool) set(s service) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.scheduler, p.chosen, p.persistence = s.listener.Scheduler, s.chosen, s.listener.Persistence
	p.established = s.listener.Established
	for backend := range p.credit {
		if _, present := p.at(backend); !present {
			delete(p.credit, backend)
		}
	}
}

// pick chooses a backend for a client's connection, or none where there is none.
func (p *pool) pick(client netip.Addr) (network.Backend, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.persistence <= 0 {
		return p.next(client)
	}
	now := time.Now()
	backend, present := p.at(p.clients[client].backend)
	if !present || p.clients[client].until.Before(now) {
		if backend, present = p.next(client); !present {
			return backend, false
		}
	}
	for other, kept := range p.clients {
		if kept.until.Before(now) {
			delete(p.clients, other)
		}
	}
	p.clients[client] = kept{backend: socket(backend.Address, backend.Port), until: now.Add(p.persistence)}
	return backend, true
}

// next is whose turn it is.
func (p *pool) next(client netip.Addr) (network.Backend, bool) {
	if len(p.chosen) == 0 {
		return network.Backend{}, false
	}
	of := weights(p.scheduler, p.chosen)
	sum := 0
	for _, weight := range of {
		sum += weight
	}
	if p.scheduler == network.SourceHash {
		hash := fnv.New32a()
		_, _ = hash.Write(client.AsSlice())
		rest := int(hash.Sum32()) % sum
		for i, weight := range of {
			if rest -= weight; rest < 0 {
				return p.chosen[i], true
			}
		}
	}
	var most netip.AddrPort
	for i, backend := range p.chosen {
		at := socket(backend.Address, backend.Port)
		p.credit[at] += of[i]
		if i == 0 || p.credit[at] > p.credit[most] {
			most = at
		}
	}
	p.credit[most] -= sum
	return p.at(most)
}

// at is the backend at an address, if it is to be chosen.
func (p *pool) at(socketOf netip.AddrPort) (network.Backend, bool) {
	for _, backend := range p.chosen {
		if socket(backend.Address, backend.Port) == socketOf {
			return backend, true
		}
	}
	return network.Backend{}, false
}

// silence is for how long a new connection may be silent.
func (p *pool) silence() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.established
}

// called is the backend that a cookie names, if it is to be chosen.
func (p *pool) called(id string) (network.Backend, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, backend := range p.chosen {
		if id != "" && cookieID(backend) == id {
			return backend, true
		}
	}
	return network.Backend{}, false
}

// cookieID is a backend's name in cookies, which does not tell its address.
func cookieID(backend network.Backend) string {
	hash := fnv.New128a()
	_, _ = hash.Write([]byte(socket(backend.Address, backend.Port).String()))
	return hex.EncodeToString(hash.Sum(nil))
}
