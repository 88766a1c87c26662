package cluster

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
)

// Names of the authorities, and of the certificates that they sign. A file is
// called NAME.crt or NAME.key in the folder pki.
const (
	clusterCA    = "ca"
	etcdCA       = "etcd-ca"
	frontProxyCA = "front-proxy-ca"

	etcdServerCert        = "etcd-server"
	etcdClientCert        = "etcd-client"
	apiServerCert         = "apiserver"
	kubeletClientCert     = "apiserver-kubelet-client"
	frontProxyClientCert  = "front-proxy-client"
	controllerManagerCert = "controller-manager-server"
	schedulerCert         = "scheduler-server"
	adminClientCert       = "admin"
	serviceAccountKey     = "sa"
	adminGroup            = "system:masters"
	frontProxyUser        = "front-proxy-client"
	controllerManagerUser = "system:kube-controller-manager"
	schedulerUser         = "system:kube-scheduler"
)

// makeKeys fills the folder pki with all certificates and keys of a control
// plane. etcd has an authority of its own: who may talk to the API server may
// not for that reason talk to etcd.
func makeKeys(dir string, o Options) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making the folder of keys: %w", err)
	}
	serviceIP, err := firstServiceIP(o.ServiceCIDR[0])
	if err != nil {
		return err
	}
	// Each server's certificate has its program's name: the readiness check
	// asks for it, so one program is never taken for another.
	server := func(program string, more ...string) identity {
		return identity{user: program, names: append([]string{program, "localhost", "127.0.0.1", o.BindAddress}, more...)}
	}
	apiNames := append([]string{
		"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local", serviceIP,
	}, o.ServerNames...)

	signed := map[string]map[string]identity{
		etcdCA: {
			etcdServerCert: server(etcdName),
			etcdClientCert: {user: apiServerName},
		},
		frontProxyCA: {
			frontProxyClientCert: {user: frontProxyUser},
		},
		clusterCA: {
			apiServerCert:         server(apiServerName, apiNames...),
			controllerManagerCert: server(controllerManagerName),
			schedulerCert:         server(schedulerName),
			kubeletClientCert:     {user: "kube-apiserver-kubelet-client", groups: []string{adminGroup}},
			adminClientCert:       {user: "admin", groups: []string{adminGroup}},
		},
	}
	for name, certificates := range signed {
		signer, err := newAuthority(name)
		if err != nil {
			return err
		}
		if err := signer.save(dir, name); err != nil {
			return err
		}
		for file, who := range certificates {
			issued, err := signer.issue(who)
			if err != nil {
				return err
			}
			if err := issued.save(dir, file); err != nil {
				return err
			}
		}
	}
	return makeServiceAccountKey(dir)
}

// makeServiceAccountKey writes sa.key, which signs the tokens of service
// accounts, and sa.pub, which proves them.
func makeServiceAccountKey(dir string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("making the service account key: %w", err)
	}
	private, err := encodeKey(key)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return fmt.Errorf("encoding the service account key: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, serviceAccountKey+".key"), private, 0o600); err != nil {
		return fmt.Errorf("writing the service account key: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, serviceAccountKey+".pub"), encodePEM("PUBLIC KEY", der), 0o600); err != nil {
		return fmt.Errorf("writing the service account key: %w", err)
	}
	return nil
}

// firstServiceIP is the address of the Service "kubernetes".
func firstServiceIP(cidr string) (string, error) {
	prefix, err := netip.ParsePrefix(cidr)
	if err != nil {
		return "", fmt.Errorf("reading Options.ServiceCIDR: %w", err)
	}
	return prefix.Masked().Addr().Next().String(), nil
}
