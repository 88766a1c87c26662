package cluster

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// KubeconfigFor writes a kubeconfig with a client certificate of a user that
// is a member of the groups, and returns its path. The file needs no other
// file. What the user may do is up to RBAC. It is for programs on this machine.
func (c *Cluster) KubeconfigFor(user string, groups ...string) (string, error) {
	return c.writeKubeconfig(kubeconfigName(user, groups), c.apiServerURL(), identity{user: user, groups: groups})
}

// ServerKubeconfigFor is KubeconfigFor for programs on servers: where the control
// plane has a network namespace, its address there is in it.
func (c *Cluster) ServerKubeconfigFor(user string, groups ...string) (string, error) {
	return c.writeKubeconfig("server-"+kubeconfigName(user, groups), c.serverURL(), identity{user: user, groups: groups})
}

func kubeconfigName(user string, groups []string) string {
	sum := sha256.Sum256([]byte(strings.Join(append([]string{user}, groups...), "\x00")))
	return fileName(user) + "-" + hex.EncodeToString(sum[:4])
}

// fileName keeps the characters of a user name that suit a file name.
func fileName(user string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '.', r == '_':
			return r
		default:
			return '-'
		}
	}, user)
}

func (c *Cluster) writeKubeconfig(name, server string, who identity) (string, error) {
	signer, err := loadAuthority(c.path("pki"), clusterCA)
	if err != nil {
		return "", err
	}
	issued, err := signer.issue(who)
	if err != nil {
		return "", err
	}
	const only = "kube-aliyun"
	config := clientcmdapi.NewConfig()
	config.Clusters[only] = &clientcmdapi.Cluster{Server: server, CertificateAuthorityData: signer.certPEM}
	config.AuthInfos[who.user] = &clientcmdapi.AuthInfo{ClientCertificateData: issued.cert, ClientKeyData: issued.key}
	config.Contexts[only] = &clientcmdapi.Context{Cluster: only, AuthInfo: who.user}
	config.CurrentContext = only

	if err := os.MkdirAll(c.path("kubeconfig"), 0o700); err != nil {
		return "", fmt.Errorf("making the folder of kubeconfigs: %w", err)
	}
	path := filepath.Join(c.path("kubeconfig"), name+".kubeconfig")
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		return "", fmt.Errorf("writing the kubeconfig of %s: %w", who.user, err)
	}
	return path, nil
}

// RESTConfigFor reads a kubeconfig, as KubeconfigFor writes, into a client
// configuration without a client-side limit of requests.
func RESTConfigFor(kubeconfig string) (*rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("reading kubeconfig %s: %w", kubeconfig, err)
	}
	config.QPS = -1
	return config, nil
}

// connect prepares the admin's client.
func (c *Cluster) connect() error {
	config, err := RESTConfigFor(c.Kubeconfig())
	if err != nil {
		return err
	}
	typed := rest.CopyConfig(config)
	typed.ContentType = "application/vnd.kubernetes.protobuf"
	typed.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	client, err := kubernetes.NewForConfig(typed)
	if err != nil {
		return fmt.Errorf("making the admin's client: %w", err)
	}
	c.config, c.client = config, client
	return nil
}
