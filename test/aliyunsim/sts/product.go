// Package sts is the simulator's Security Token Service: it hands out temporary
// credentials for roles.
package sts

import (
	"encoding/json"
	"math/rand/v2"
	"time"

	sdk "github.com/aliyun/alibaba-cloud-sdk-go/services/sts"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/ram"
)

// Options are what a Product needs.
type Options struct {
	Account    string
	Identities *ram.Store
	// Wall converts a simulated time to the real one, which clients compare
	// expiries with.
	Wall func(time.Time) time.Time
	Rand *rand.Rand
}

// Product answers STS; its state is the store of identities.
type Product struct {
	account    string
	identities *ram.Store
	wall       func(time.Time) time.Time
	rand       *rand.Rand
}

var _ api.State = (*Product)(nil)

// New makes the product.
func New(o Options) *Product {
	return &Product{account: o.Account, identities: o.Identities, wall: o.Wall, rand: o.Rand}
}

// Actions implements api.State.
func (p *Product) Actions() []api.Action {
	return []api.Action{
		{Product: api.STS, Name: "AssumeRole", Request: &sdk.AssumeRoleRequest{},
			Required: []string{"RoleArn", "RoleSessionName"}, Mutating: true, Handle: p.assumeRole},
		{Product: api.STS, Name: "AssumeRoleWithOIDC", Request: &sdk.AssumeRoleWithOIDCRequest{}, Unsigned: true,
			Required: []string{"RoleArn", "RoleSessionName", "OIDCProviderArn", "OIDCToken"}, Mutating: true, Handle: p.assumeRoleWithOIDC},
		{Product: api.STS, Name: "GetCallerIdentity", Request: &sdk.GetCallerIdentityRequest{}, Handle: p.getCallerIdentity},
	}
}

// Advance implements api.State; sessions expire without being told.
func (p *Product) Advance(time.Time) time.Time { return time.Time{} }

// Dump implements api.State.
func (p *Product) Dump() (json.RawMessage, error) { return p.identities.Dump() }

// Restore implements api.State.
func (p *Product) Restore(raw json.RawMessage) error { return p.identities.Restore(raw) }
