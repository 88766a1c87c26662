package ecs

import (
	"fmt"
	"net/http"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// resume gives a server in a transitional state its due time, and ends the
// transition at once when none lasts.
func (p *Product) resume(s *server, now time.Time) {
	switch s.Status {
	case statusPending, statusStarting, statusStopping:
		s.Due = now.Add(p.Knobs.ServerTransition)
		p.index.moving[s.ID] = s
		p.settle(s, now)
	}
}

// settle makes every transition of a server happen that is due at now.
func (p *Product) settle(s *server, now time.Time) {
	for !s.Due.IsZero() && !s.Due.After(now) {
		switch {
		case s.Released:
			delete(p.Servers, s.ID)
			p.index.remove(s)
			return
		case s.Status == statusPending:
			s.Status, s.Due = statusStarting, s.Due.Add(p.Knobs.ServerTransition)
		case s.Status == statusStarting:
			s.Status, s.Due = statusRunning, time.Time{}
		default:
			s.Status, s.Due = statusStopped, time.Time{}
		}
	}
	if s.Due.IsZero() {
		delete(p.index.moving, s.ID)
	}
}

// Start starts a stopped server.
func (p *Product) Start(now time.Time, id string) error {
	if err := p.checkStart(id); err != nil {
		return err
	}
	p.start(id, now)
	return nil
}

// Stop stops a running server.
func (p *Product) Stop(now time.Time, id string) error {
	if err := p.checkStop(id); err != nil {
		return err
	}
	p.stop(id, now, false)
	return nil
}

// Release deletes a server under the rules of DeleteInstance. The error is nil or
// what DeleteInstance would answer.
func (p *Product) Release(now time.Time, id string, force bool) *api.Error {
	if err := p.checkRelease(id, force); err != nil {
		return err
	}
	p.release(id, now)
	return nil
}

// SetUnhealthy makes a running server fail or pass health checks.
func (p *Product) SetUnhealthy(id string, unhealthy bool) error {
	s := p.living(id)
	if s == nil {
		return notFound(id)
	}
	s.Unhealthy = unhealthy
	return nil
}

// SetDeletionProtection switches the deletion protection of a server.
func (p *Product) SetDeletionProtection(id string, on bool) error {
	s := p.living(id)
	if s == nil {
		return notFound(id)
	}
	s.DeletionProtection = on
	return nil
}

// SetSourceDestCheck switches the check of an interface behind everybody's back.
func (p *Product) SetSourceDestCheck(interfaceID string, on bool) error {
	i := p.Interfaces[interfaceID]
	if i == nil {
		return fmt.Errorf("no network interface %s", interfaceID)
	}
	i.SourceDestCheck = on
	return nil
}

func (p *Product) checkStart(id string) *api.Error {
	s := p.living(id)
	switch {
	case s == nil:
		return notFound(id)
	case s.Status != statusStopped:
		return wrongStatus(s)
	}
	return nil
}

func (p *Product) checkStop(id string) *api.Error {
	s := p.living(id)
	switch {
	case s == nil:
		return notFound(id)
	case s.Status != statusRunning:
		return wrongStatus(s)
	}
	return nil
}

func (p *Product) start(id string, now time.Time) {
	s := p.Servers[id]
	s.Status, s.StopCharging = statusStarting, false
	p.rebootDisks(id)
	p.resume(s, now)
}

func (p *Product) stop(id string, now time.Time, stopCharging bool) {
	s := p.Servers[id]
	s.Status, s.StopCharging = statusStopping, stopCharging
	p.resume(s, now)
}

// checkRelease applies the rules of DeleteInstance: a server that is being made
// cannot be deleted, a running one only by force, and not even by force one that
// is protected, is the next hop of a custom route, or is in a load balancer that
// is being configured.
func (p *Product) checkRelease(id string, force bool) *api.Error {
	s := p.living(id)
	switch {
	case s == nil:
		return notFound(id)
	case s.DeletionProtection:
		return api.Errorf(http.StatusForbidden, "InvalidOperation.DeletionProtection",
			"The operation is not allowed because the instance %s is under deletion protection.", id)
	case s.Status == statusPending || s.Status == statusStarting:
		return api.Errorf(http.StatusForbidden, "IncorrectInstanceStatus.Initializing", "The instance %s is %s.", id, s.Status)
	case s.Status != statusStopped && !force:
		return wrongStatus(s)
	}
	if routes := p.Network.RoutesTo(id); len(routes) > 0 {
		return api.Errorf(http.StatusBadRequest, "DependencyViolation.RouteEntry",
			"The instance %s is the next hop of %d route entries, such as %s.", id, len(routes), routes[0])
	}
	if lbs := p.loadBalancers(); lbs != nil && lbs.ServerBusy(id) {
		return api.Errorf(http.StatusBadRequest, "DependencyViolation.SLBConfiguring",
			"A load balancer of the instance %s is being configured.", id)
	}
	return nil
}

// release frees what the server holds. Lists show it, Stopped, for the knob
// ReleasedServerLag.
func (p *Product) release(id string, now time.Time) {
	s := p.Servers[id]
	if lbs := p.loadBalancers(); lbs != nil {
		lbs.ServerReleased(id)
	}
	p.Network.TargetReleased(id)
	for _, eni := range s.Interfaces {
		i := p.Interfaces[eni]
		p.Network.TargetReleased(eni)
		p.freeAddresses(i)
		p.index.removeInterface(i)
		delete(p.Interfaces, eni)
	}
	s.Interfaces = nil
	p.releaseDisks(id, now)
	s.Status, s.Released, s.Due = statusStopped, true, now.Add(p.Knobs.ReleasedServerLag)
	p.index.moving[id] = s
	p.settle(s, now)
}

func (p *Product) loadBalancers() api.LoadBalancers {
	if p.LoadBalancers == nil {
		return nil
	}
	return p.LoadBalancers()
}

func notFound(id string) *api.Error {
	return api.Errorf(http.StatusNotFound, "InvalidInstanceId.NotFound", "The specified InstanceId %q does not exist.", id)
}

func wrongStatus(s *server) *api.Error {
	return api.Errorf(http.StatusForbidden, "IncorrectInstanceStatus", "The instance %s is %s, which does not support this operation.", s.ID, s.Status)
}
