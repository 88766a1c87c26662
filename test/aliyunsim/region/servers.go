package region

import (
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/ecs"
)

// CreateServer adds a server and returns its id.
func (r *Region) CreateServer(s ecs.ServerSeed) (id string, err error) {
	err = r.try(func(now time.Time) error {
		id, err = r.ECS.Create(now, s)
		return err
	})
	return id, err
}

// StartServer starts a stopped server.
func (r *Region) StartServer(id string) error {
	return r.try(func(now time.Time) error { return r.ECS.Start(now, id) })
}

// StopServer stops a running server.
func (r *Region) StopServer(id string) error {
	return r.try(func(now time.Time) error { return r.ECS.Stop(now, id) })
}

// SetUnhealthy makes a server fail or pass health checks.
func (r *Region) SetUnhealthy(id string, unhealthy bool) error {
	return r.try(func(time.Time) error { return r.ECS.SetUnhealthy(id, unhealthy) })
}

// ReleaseServer deletes a server under the rules of DeleteInstance; the error is
// what that would answer, an *api.Error.
func (r *Region) ReleaseServer(id string, force bool) error {
	return r.try(func(now time.Time) error { return asError(r.ECS.Release(now, id, force)) })
}

// asError keeps a nil *api.Error from becoming an error.
func asError(e *api.Error) error {
	if e == nil {
		return nil
	}
	return e
}

// LockLoadBalancer puts a load balancer into the state of an overdue account, or
// out of it.
func (r *Region) LockLoadBalancer(id string, locked bool) error {
	return r.try(func(time.Time) error {
		if locked {
			return r.SLB.Lock(id)
		}
		return r.SLB.Unlock(id)
	})
}
