package region

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/gateway"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/metadata"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/seed"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/settings"
)

// Plant adds what a seed holds. A failure names what is wrong and may leave part
// of the seed behind.
func (r *Region) Plant(s seed.Seed) error {
	if s.Region != "" && s.Region != r.Name {
		return fmt.Errorf("the seed is for region %s, this is %s", s.Region, r.Name)
	}
	if s.Account != "" && s.Account != r.Account {
		return fmt.Errorf("the seed is for account %s, this is %s", s.Account, r.Account)
	}
	if s.Profile != "" {
		if err := r.SetProfile(s.Profile); err != nil {
			return err
		}
	}
	if err := r.Configure(Settings{Knobs: s.Knobs, Gateway: s.Gateway, Metadata: s.Metadata}); err != nil {
		return err
	}
	for _, k := range s.Keys {
		if err := r.Identities.PutKey(k); err != nil {
			return err
		}
	}
	for _, role := range s.Roles {
		if err := r.Identities.PutRole(role); err != nil {
			return err
		}
	}
	err := r.try(func(time.Time) error {
		if err := r.VPC.Seed(s.Networks); err != nil {
			return err
		}
		if err := r.ECS.Seed(s.Computers); err != nil {
			return err
		}
		return r.SLB.Seed(s.Balancers())
	})
	if err != nil {
		return fmt.Errorf("seed: %w", err)
	}
	for _, rule := range s.Faults {
		if _, err := r.Faults.Add(rule); err != nil {
			return err
		}
	}
	return nil
}

// Settings are all knobs, by name, of the products, the gateway and the metadata
// service.
type Settings struct {
	Knobs    json.RawMessage `json:"knobs,omitempty"`
	Gateway  json.RawMessage `json:"gateway,omitempty"`
	Metadata json.RawMessage `json:"metadata,omitempty"`
}

// Configure changes the settings that are named: all of them or, on a failure, none.
func (r *Region) Configure(s Settings) error {
	knobs, gate, meta := r.Knobs(), r.Gateway.Knobs(), r.Metadata.Knobs()
	err := errors.Join(settings.Apply(&knobs, s.Knobs), settings.Apply(&gate, s.Gateway), settings.Apply(&meta, s.Metadata))
	if err != nil {
		return err
	}
	r.SetKnobs(func(k *api.Knobs) { *k = knobs })
	r.Gateway.SetKnobs(func(k *gateway.Knobs) { *k = gate })
	r.Metadata.SetKnobs(meta)
	return nil
}

// Settings returns all knobs.
func (r *Region) Settings() (Settings, error) {
	var s Settings
	var err error
	if s.Knobs, err = settings.Encode(r.Knobs()); err != nil {
		return s, err
	}
	if s.Gateway, err = settings.Encode(r.Gateway.Knobs()); err != nil {
		return s, err
	}
	s.Metadata, err = settings.Encode(r.Metadata.Knobs())
	return s, err
}

// SetMetadata changes settings of the metadata service.
func (r *Region) SetMetadata(change func(*metadata.Knobs)) {
	k := r.Metadata.Knobs()
	change(&k)
	r.Metadata.SetKnobs(k)
}
