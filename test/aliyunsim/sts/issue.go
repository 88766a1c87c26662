package sts

import (
	"fmt"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/ram"
)

const alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

// Issue makes credentials of a role that expire after d. It is used by the
// actions and by the metadata service. It needs the region's lock.
func (p *Product) Issue(now time.Time, role, session string, d time.Duration, limit *ram.Policy) (ram.Session, error) {
	s := ram.Session{
		KeyID: "STS." + p.random(24), Secret: p.random(44), Token: "CAIS" + p.random(96),
		Role: role, Name: session, Expires: now.Add(d), Limit: limit,
	}
	if err := p.identities.PutSession(now, s); err != nil {
		return ram.Session{}, fmt.Errorf("issue credentials: %w", err)
	}
	return s, nil
}

func (p *Product) random(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[p.rand.IntN(len(alphabet))]
	}
	return string(b)
}

// Expiration writes an expiry as the API does: real time, in UTC seconds.
func (p *Product) Expiration(t time.Time) string {
	return p.wall(t).UTC().Format("2006-01-02T15:04:05Z")
}
