package manager

import (
	"context"
	"fmt"
	"net/http"

	cloudconfig "k8s.io/cloud-provider/app/config"
	"k8s.io/component-base/metrics/prometheus/slis"
	controllerapp "k8s.io/controller-manager/app"
	controllerhealthz "k8s.io/controller-manager/pkg/healthz"

	"k8s.io/apiserver/pkg/server/healthz"

	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer"
)

// serve answers /healthz, /readyz, /metrics and the debug pages on the secure port
// until ctx ends. Health and readiness need no authorisation; everything else is delegated
// to the Kubernetes API. stopped is closed when the last connection is gone.
func serve(ctx context.Context, c *cloudconfig.CompletedConfig, ready *readiness, debug http.Handler, checks ...healthz.HealthChecker) (stopped <-chan struct{}, err error) {
	if c.SecureServing == nil {
		none := make(chan struct{})
		close(none)
		return none, nil
	}
	live := controllerhealthz.NewMutableHealthzHandler(checks...)
	mux := controllerapp.NewBaseHandler(&c.ComponentConfig.Generic.Debugging, live)
	mux.Handle("/readyz", ready)
	mux.Handle("/livez", live)
	mux.Handle(loadbalancer.DebugPath, debug)
	mux.HandlePrefix(loadbalancer.DebugPath+"/", debug)
	slis.SLIMetricsWithReset{}.Install(mux)
	handler := controllerapp.BuildHandlerChain(mux, &c.Authorization, &c.Authentication)
	stopped, _, err = c.SecureServing.Serve(handler, shutdownGrace, ctx.Done())
	if err != nil {
		return nil, fmt.Errorf("serve health and metrics: %w", err)
	}
	return stopped, nil
}
