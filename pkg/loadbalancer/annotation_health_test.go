package loadbalancer

import (
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/annotation"
)

// The switches that go along with a setting of health checks.
const (
	checkedTCP  = "HealthCheckSwitch=on"
	checkedHTTP = "HealthCheck=on"
	byHTTP      = "HealthCheckType=http"
)

func healthCheckRows() []annotated {
	onOff := one(annotation.HealthCheckSwitch, setTCP, "HealthCheckSwitch", slb.HealthCheck, "off", "on", "on", "yes")
	onOff.changed = sets(setTCP, "HealthCheckConnectPort=10256", "HealthCheckDomain=$_ip", "HealthCheckSwitch=on", "HealthCheckType=http", "HealthCheckURI=/healthz")
	// What says what or where to ask moves the check to the node port.
	kind := one(annotation.HealthCheckType, setTCP, "HealthCheckType", slb.HealthCheckType, "http", "tcp", "http", "udp", checkedTCP)
	kind.removed = sets(setTCP, checkedTCP, byHTTP, "HealthCheckConnectPort=10256", "HealthCheckDomain=$_ip", "HealthCheckURI=/healthz")
	uri := one(annotation.HealthCheckURI, setTCP, "HealthCheckURI", slb.HealthCheckURI, "/ok", "/ready", "/healthz", "ok", checkedTCP, byHTTP)
	uri.removed = sets(setTCP, checkedTCP, byHTTP, "HealthCheckConnectPort=10256", "HealthCheckURI=/healthz")
	domain := one(annotation.HealthCheckDomain, setTCP, "HealthCheckDomain", slb.HealthCheckDomain, "a.example.com", "b.example.com", "$_ip", "a..b", checkedTCP, byHTTP)
	domain.also = map[annotation.Key]string{annotation.HealthCheckURI: "/ok"}
	port := one(annotation.HealthCheckConnectPort, setTCP, "HealthCheckConnectPort", slb.HealthCheckPort, "8080", "-520", "10256", "65536", checkedTCP)
	port.shown[1] = slb.BackendPort
	port.removed = sets(setTCP, checkedTCP, byHTTP, "HealthCheckConnectPort=10256", "HealthCheckDomain=$_ip", "HealthCheckURI=/healthz")
	return []annotated{
		onOff, kind, uri, domain, port,
		one(annotation.HealthCheckHTTPCode, setTCP, "HealthCheckHttpCode", slb.HealthCheckHTTPCode, "http_2xx,http_3xx", "http_4xx", "http_2xx", "200", checkedTCP, byHTTP),
		one(annotation.HealthCheckMethod, setTCP, "HealthCheckMethod", slb.HealthCheckMethod, "get", "head", "head", "post", checkedTCP, byHTTP),
		one(annotation.HealthCheckConnectTimeout, setTCP, "HealthCheckConnectTimeout", slb.HealthCheckTimeout, "7", "300", "5", "301", checkedTCP),
		one(annotation.HealthCheckInterval, setTCP, "HealthCheckInterval", slb.HealthCheckInterval, "4", "5", "2", "51", checkedTCP),
		one(annotation.HealthyThreshold, setTCP, "HealthyThreshold", slb.HealthyThreshold, "2", "10", "3", "1", checkedTCP),
		one(annotation.UnhealthyThreshold, setTCP, "UnhealthyThreshold", slb.UnhealthyThreshold, "2", "10", "3", "11", checkedTCP),
	}
}

func webHealthCheckRows() []annotated {
	onOff := one(annotation.HealthCheckFlag, setHTTP, "HealthCheck", slb.HealthCheck, "off", "on", "on", "yes")
	onOff.changed = sets(setHTTP, "HealthCheckConnectPort=10256", "HealthCheckDomain=$_ip", byHTTP, checkedHTTP, "HealthCheckURI=/healthz")
	return []annotated{
		onOff,
		one(annotation.HealthCheckTimeout, setHTTP, "HealthCheckTimeout", slb.HealthCheckTimeout, "7", "300", "5", "0", checkedHTTP),
	}
}
