// Package upstream runs Kubernetes' own end-to-end tests of load balancers, the
// specs with the label Feature:LoadBalancer, unmodified on a stage: e2e.test is a
// client on the internet, and everything but the cloud is real. It takes root and
// the programs that suite/build.sh makes.
//
// One spec, of a Service without node ports, has a stage whose Pods have addresses of
// network interfaces and are backends by default. Specs that need what the controller
// does not have would be in skip.txt, each with its reason.
package upstream
