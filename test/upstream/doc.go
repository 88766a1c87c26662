// Package upstream runs Kubernetes' own end-to-end tests of load balancers, the
// specs with the label Feature:LoadBalancer, unmodified on a stage: e2e.test is a
// client on the internet, and everything but the cloud is real. It takes root and
// the programs that suite/build.sh makes.
//
// The specs that need what the controller does not have are in skip.txt, each
// with its reason.
package upstream
