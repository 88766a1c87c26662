package slb

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// The methods of this file are what somebody does in the console behind a
// controller's back: no protection, lock or exclusivity holds them up.

// Lock and Unlock put a load balancer into the state of an overdue account and
// back: locked, it can be described but not changed.
func (p *Product) Lock(id string) error { return p.setLocked(id, true) }

// Unlock undoes Lock.
func (p *Product) Unlock(id string) error { return p.setLocked(id, false) }

func (p *Product) setLocked(id string, locked bool) error {
	lb, err := p.byHand(id)
	if err != nil {
		return err
	}
	lb.Locked = locked
	return nil
}

func (p *Product) byHand(id string) (*loadBalancer, error) {
	lb := p.byID[id]
	if lb == nil {
		return nil, fmt.Errorf("no load balancer %q", id)
	}
	return lb, nil
}

func (p *Product) listenerByHand(id string, port int, protocol string) (*loadBalancer, *listener, error) {
	lb, err := p.byHand(id)
	if err != nil {
		return nil, nil, err
	}
	l := lb.findListener(port, protocol)
	if l == nil {
		return nil, nil, fmt.Errorf("no listener %s/%d on %s", protocol, port, id)
	}
	return lb, l, nil
}

// IDs lists the living load balancers, oldest first.
func (p *Product) IDs() []string {
	var ids []string
	for _, lb := range p.order {
		if p.byID[lb.ID] == lb {
			ids = append(ids, lb.ID)
		}
	}
	return ids
}

// RemoveLoadBalancer deletes a load balancer, protected or not.
func (p *Product) RemoveLoadBalancer(id string) error {
	lb, err := p.byHand(id)
	if err != nil {
		return err
	}
	p.remove(lb, time.Time{})
	return nil
}

// StopListener and StartListener switch a listener at once.
func (p *Product) StopListener(id string, port int, protocol string) error {
	return p.setStatus(id, port, protocol, stopped)
}

// StartListener switches a listener on at once.
func (p *Product) StartListener(id string, port int, protocol string) error {
	return p.setStatus(id, port, protocol, running)
}

func (p *Product) setStatus(id string, port int, protocol, status string) error {
	_, l, err := p.listenerByHand(id, port, protocol)
	if err != nil {
		return err
	}
	l.Status, l.Due, l.Since = status, time.Time{}, p.now
	return nil
}

// SetListener changes settings of a listener, by their names in
// Describe…ListenerAttribute; an empty value restores the standard one.
func (p *Product) SetListener(id string, port int, protocol string, settings map[string]string) error {
	_, l, err := p.listenerByHand(id, port, protocol)
	if err != nil {
		return err
	}
	after := maps.Clone(l.Values)
	if after == nil {
		after = map[string]string{}
	}
	for name, value := range settings {
		i := slices.IndexFunc(fieldsOf[protocol], func(f *field) bool { return f.name == name })
		if i < 0 {
			return fmt.Errorf("a %s listener has no setting %s", protocol, name)
		}
		if value == "" {
			delete(after, name)
			continue
		}
		if err := fieldsOf[protocol][i].check(name, value); err != nil {
			return err
		}
		after[name] = value
	}
	l.Values = after
	return nil
}

// RemoveListener deletes a listener.
func (p *Product) RemoveListener(id string, port int, protocol string) error {
	lb, l, err := p.listenerByHand(id, port, protocol)
	if err != nil {
		return err
	}
	lb.removeListener(l)
	return nil
}

// AddListener adds a listener to a load balancer, as a seed would; a group is
// named by its id.
func (p *Product) AddListener(id string, s ListenerSeed) error {
	lb, err := p.byHand(id)
	if err != nil {
		return err
	}
	l, err := seedListener(s)
	if err != nil {
		return err
	}
	if lb.findListener(l.Port, l.Protocol) != nil {
		return fmt.Errorf("a listener %s/%d exists on %s", l.Protocol, l.Port, id)
	}
	if s.Group != "" {
		if g := p.groups[s.Group]; g == nil || g.owner != lb {
			return fmt.Errorf("no vServer group %q on %s", s.Group, id)
		}
	}
	l.GroupID = s.Group
	lb.addListener(l)
	return nil
}

// RemoveGroup deletes a vServer group; listeners that used it go back to the
// default group.
func (p *Product) RemoveGroup(groupID string) error {
	g := p.groups[groupID]
	if g == nil {
		return fmt.Errorf("no vServer group %q", groupID)
	}
	for _, l := range g.users() {
		l.GroupID = ""
	}
	p.dropGroup(g)
	return nil
}

// members returns the members of a load balancer's default group or of a
// vServer group.
func (p *Product) members(id string) (*loadBalancer, *[]member, error) {
	if lb := p.byID[id]; lb != nil {
		return lb, &lb.Backends, nil
	}
	if g := p.groups[id]; g != nil {
		return g.owner, &g.Members, nil
	}
	return nil, nil, fmt.Errorf("no load balancer or vServer group %q", id)
}

// RemoveBackend takes a server out of the default group of a load balancer, or
// out of a vServer group.
func (p *Product) RemoveBackend(id, serverID string) error {
	lb, members, err := p.members(id)
	if err != nil {
		return err
	}
	p.replace(lb, members, slices.DeleteFunc(slices.Clone(*members), func(m member) bool { return m.ServerID == serverID }))
	return nil
}

// AddBackends puts servers into the default group of a load balancer, or into a
// vServer group, whatever state they are in.
func (p *Product) AddBackends(id string, backends ...BackendSeed) error {
	lb, members, err := p.members(id)
	if err != nil {
		return err
	}
	p.replace(lb, members, slices.Concat(*members, p.seedMembers(lb, backends)))
	return nil
}

// SetWeight changes the weight of a server in a group.
func (p *Product) SetWeight(id, serverID string, weight int) error {
	_, members, err := p.members(id)
	if err != nil {
		return err
	}
	for i := range *members {
		if (*members)[i].ServerID == serverID {
			(*members)[i].Weight = weight
		}
	}
	return nil
}

// SetTag sets a tag of a load balancer; RemoveTag removes one.
func (p *Product) SetTag(id, key, value string) error {
	return p.changeTags(id, func(tags []tag) []tag {
		tags = slices.DeleteFunc(tags, func(t tag) bool { return t.Key == key })
		return append(tags, tag{Key: key, Value: value})
	})
}

// RemoveTag removes a tag of a load balancer.
func (p *Product) RemoveTag(id, key string) error {
	return p.changeTags(id, func(tags []tag) []tag {
		return slices.DeleteFunc(tags, func(t tag) bool { return t.Key == key })
	})
}

func (p *Product) changeTags(id string, change func([]tag) []tag) error {
	lb, err := p.byHand(id)
	if err != nil {
		return err
	}
	p.setTags(resource{lb.ID, &lb.Tags, lb}, change(slices.Clone(lb.Tags)))
	return nil
}
