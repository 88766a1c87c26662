package cluster

import (
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Names of the programs, their logs and their records.
const (
	etcdName              = "etcd"
	apiServerName         = "kube-apiserver"
	controllerManagerName = "kube-controller-manager"
	schedulerName         = "kube-scheduler"
)

// readyPaths answer 200 once the program is ready. kube-controller-manager has
// no /readyz.
var readyPaths = map[string]string{
	etcdName:              "/readyz",
	apiServerName:         "/readyz",
	controllerManagerName: "/healthz",
	schedulerName:         "/readyz",
}

// arguments returns the arguments with which a program serves on a port.
func (c *Cluster) arguments(name string, port int) []string {
	switch name {
	case etcdName:
		return append(c.etcdArguments(port), c.options.EtcdArgs...)
	case apiServerName:
		return append(c.apiServerArguments(port), c.options.KubeAPIServerArgs...)
	case controllerManagerName:
		return append(c.controllerManagerArguments(port), c.options.KubeControllerManagerArgs...)
	default:
		return append(c.schedulerArguments(port), c.options.KubeSchedulerArgs...)
	}
}

// environment is what a program's has beside this process's.
func (c *Cluster) environment(name string) []string {
	if name != controllerManagerName {
		return nil
	}
	return c.options.KubeControllerManagerEnv
}

func (c *Cluster) etcdArguments(port int) []string {
	url := "https://" + c.hostPort(port)
	listen := url
	if c.options.Namespace != "" {
		// A snapshot is taken on the server itself, where loopback is at hand.
		listen += ",https://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	}
	// Nobody but etcd itself uses the peer port, so the kernel may choose it.
	const peer = "http://127.0.0.1:0"
	return []string{
		"--name=default",
		"--data-dir=" + c.path("etcd"),
		"--listen-client-urls=" + listen,
		"--advertise-client-urls=" + url,
		"--listen-peer-urls=" + peer,
		"--initial-advertise-peer-urls=" + peer,
		"--initial-cluster=default=" + peer,
		"--client-cert-auth=true",
		"--trusted-ca-file=" + c.cert(etcdCA),
		"--cert-file=" + c.cert(etcdServerCert),
		"--key-file=" + c.key(etcdServerCert),
		// The data need not survive a power failure, and disks are slow.
		"--unsafe-no-fsync=true",
		"--log-level=warn",
	}
}

func (c *Cluster) apiServerArguments(port int) []string {
	arguments := []string{
		"--bind-address=" + c.options.listenAddress(),
		"--advertise-address=" + c.options.BindAddress,
		"--secure-port=" + strconv.Itoa(port),
		"--etcd-servers=https://" + c.address(etcdName),
		"--etcd-cafile=" + c.cert(etcdCA),
		"--etcd-certfile=" + c.cert(etcdClientCert),
		"--etcd-keyfile=" + c.key(etcdClientCert),
		"--tls-cert-file=" + c.cert(apiServerCert),
		"--tls-private-key-file=" + c.key(apiServerCert),
		"--client-ca-file=" + c.cert(clusterCA),
		"--kubelet-client-certificate=" + c.cert(kubeletClientCert),
		"--kubelet-client-key=" + c.key(kubeletClientCert),
		"--requestheader-client-ca-file=" + c.cert(frontProxyCA),
		"--requestheader-allowed-names=" + frontProxyUser,
		"--requestheader-username-headers=X-Remote-User",
		"--requestheader-group-headers=X-Remote-Group",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--proxy-client-cert-file=" + c.cert(frontProxyClientCert),
		"--proxy-client-key-file=" + c.key(frontProxyClientCert),
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + c.path("pki", serviceAccountKey+".pub"),
		"--service-account-signing-key-file=" + c.key(serviceAccountKey),
		"--service-cluster-ip-range=" + strings.Join(c.options.ServiceCIDR, ","),
		"--authorization-mode=Node,RBAC",
		"--enable-admission-plugins=NodeRestriction",
		"--allow-privileged=true",
		"--profiling=false",
	}
	if address, err := netip.ParseAddr(c.options.BindAddress); err == nil && address.IsLoopback() {
		// Endpoints may not hold a loopback address.
		arguments = append(arguments, "--endpoint-reconciler-type=none")
	}
	if c.options.Namespace != "" {
		// Logs and exec go to the nodes' addresses: no names are served here.
		arguments = append(arguments, "--kubelet-preferred-address-types=InternalIP")
	}
	return arguments
}

func (c *Cluster) controllerManagerArguments(port int) []string {
	o := c.options
	arguments := append(c.componentArguments(port, controllerManagerName, controllerManagerCert),
		"--use-service-account-credentials=true",
		"--service-account-private-key-file="+c.key(serviceAccountKey),
		"--root-ca-file="+c.cert(clusterCA),
		"--client-ca-file="+c.cert(clusterCA),
		"--requestheader-client-ca-file="+c.cert(frontProxyCA),
		"--cluster-signing-cert-file="+c.cert(clusterCA),
		"--cluster-signing-key-file="+c.key(clusterCA),
		"--cloud-provider=external",
		// The default is a folder of the machine, which would be made.
		"--flex-volume-plugin-dir="+c.FlexVolumes(),
		"--allocate-node-cidrs=true",
		"--cluster-cidr="+strings.Join(o.ClusterCIDR, ","),
		"--service-cluster-ip-range="+strings.Join(o.ServiceCIDR, ","),
		// The defaults (20 a second) are made for a control plane that
		// shares its machine, and take minutes over 1,000 nodes.
		"--kube-api-qps=500",
		"--kube-api-burst=1000",
	)
	arguments = append(arguments, maskArguments(o)...)
	if len(o.Controllers) > 0 {
		arguments = append(arguments, "--controllers="+strings.Join(o.Controllers, ","))
	}
	if grace := o.NodeMonitorGrace; grace > 0 {
		arguments = append(arguments,
			"--node-monitor-grace-period="+grace.String(),
			"--node-monitor-period="+min(grace/5, 5*time.Second).String())
	}
	return arguments
}

// maskArguments names the size of a node's range for the families in use only:
// kube-controller-manager refuses the other's.
func maskArguments(o Options) []string {
	var arguments []string
	is6 := func(cidr string) bool { return strings.Contains(cidr, ":") }
	if slices.ContainsFunc(o.ClusterCIDR, func(cidr string) bool { return !is6(cidr) }) {
		arguments = append(arguments, "--node-cidr-mask-size-ipv4="+strconv.Itoa(o.NodeCIDRMaskSize))
	}
	if slices.ContainsFunc(o.ClusterCIDR, is6) {
		arguments = append(arguments, "--node-cidr-mask-size-ipv6="+strconv.Itoa(o.NodeCIDRMaskSizeIPv6))
	}
	return arguments
}

func (c *Cluster) schedulerArguments(port int) []string {
	return append(c.componentArguments(port, schedulerName, schedulerCert),
		"--client-ca-file="+c.cert(clusterCA),
		"--requestheader-client-ca-file="+c.cert(frontProxyCA),
		"--kube-api-qps=500",
		"--kube-api-burst=1000",
	)
}

// componentArguments are those that the clients of the API server share. There
// is one replica of each, so nothing is gained by waiting for an election.
func (c *Cluster) componentArguments(port int, name, certificate string) []string {
	kubeconfig := c.path("kubeconfig", name+".kubeconfig")
	return []string{
		"--kubeconfig=" + kubeconfig,
		"--authentication-kubeconfig=" + kubeconfig,
		"--authorization-kubeconfig=" + kubeconfig,
		"--bind-address=" + c.options.listenAddress(),
		"--secure-port=" + strconv.Itoa(port),
		"--tls-cert-file=" + c.cert(certificate),
		"--tls-private-key-file=" + c.key(certificate),
		"--leader-elect=false",
		"--profiling=false",
	}
}
