package stage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/dataplane"
	"github.com/kube-aliyun/kube-aliyun/test/cluster/kubelet"
)

const (
	controllerName = "aliyun-controller"
	// controllerUser has the rights of deploy/controller/rbac.yaml.
	controllerUser = "system:aliyun-controller"
	// controllerUID is the image's user.
	controllerUID = 65532
	// configuration is the folder that the manifest mounts.
	configuration = "/etc/kubernetes/aliyun"
	manifestPath  = "/etc/kubernetes/manifests/aliyun-controller.yaml"
)

// prepareCluster gives the controller its rights and its keys.
func (s *Stage) prepareCluster(ctx context.Context) error {
	if err := s.Kubectl(ctx, "apply", "-f", s.shipped("rbac.yaml")); err != nil {
		return err
	}
	_, err := s.Client().CoreV1().Secrets(metav1.NamespaceSystem).Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "aliyun-creds"},
		StringData: map[string]string{"accessKey": ControllerKey, "accessKeySecret": ControllerSecret},
	}, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("creating the Secret with the keys: %w", err)
	}
	return nil
}

func (s *Stage) shipped(file string) string {
	return filepath.Join(s.options.Root, "deploy", "controller", file)
}

// Kubectl runs it as the admin.
func (s *Stage) Kubectl(ctx context.Context, arguments ...string) error {
	_, err := s.KubectlOutput(ctx, arguments...)
	return err
}

// KubectlOutput is Kubectl, and returns what it prints.
func (s *Stage) KubectlOutput(ctx context.Context, arguments ...string) ([]byte, error) {
	kubectl := filepath.Join(s.cluster.Binaries(), "kubectl")
	command := exec.CommandContext(ctx, kubectl, append([]string{"--kubeconfig=" + s.cluster.Kubeconfig()}, arguments...)...) // #nosec G204 -- the stage's own
	var complaint bytes.Buffer
	command.Stderr = &complaint
	output, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("kubectl %s: %w: %s", strings.Join(arguments, " "), err, bytes.TrimSpace(complaint.Bytes()))
	}
	return output, nil
}

// cloudConfig is what differs from a server of Alibaba Cloud: the OpenAPI of the
// simulated VPC, in the clear. Region, VPC and vSwitch are told by its metadata.
func (s *Stage) cloudConfig() []byte {
	host, _, _ := strings.Cut(dataplane.OpenAPIAddress, ":")
	var b strings.Builder
	b.WriteString("insecure-endpoints: true\n")
	for _, product := range []string{"ecs", "vpc", "slb", "sts"} {
		fmt.Fprintf(&b, "%s-endpoint: http://%s\n", product, host)
	}
	b.WriteString(s.options.CloudConfig)
	return []byte(b.String())
}

// RunController makes aliyun-controller a static Pod of a server's kubelet, with
// the files that are shipped, as the installation guide has it.
func (s *Stage) RunController(server *Server) error {
	if err := s.configureController(server); err != nil {
		return fmt.Errorf("configuring the controller on %s: %w", server.Name(), err)
	}
	manifest, err := s.staticPod()
	if err != nil {
		return fmt.Errorf("the controller's manifest: %w", err)
	}
	if err := server.Node.Write(kubelet.File{Path: manifestPath, Content: manifest, Mode: 0o600}); err != nil {
		return err
	}
	s.logf("the controller's static Pod is on %s", server.Name())
	return nil
}

// staticPod is the shipped manifest, a Pod of its own each time: a kubelet remembers
// how often the same static Pod has ended, and lets the next wait for minutes.
func (s *Stage) staticPod() ([]byte, error) {
	shipped, err := os.ReadFile(s.shipped("static-pod.yaml"))
	if err != nil {
		return nil, err
	}
	const ranges = "--cluster-cidr="
	shipped = bytes.ReplaceAll(shipped, []byte(ranges+ClusterCIDR), []byte(ranges+strings.Join(s.options.clusterCIDRs(), ",")))
	var pod struct {
		metav1.TypeMeta `json:",inline"`
		Metadata        map[string]any `json:"metadata"`
		Spec            corev1.PodSpec `json:"spec"`
	}
	if err := yaml.UnmarshalStrict(shipped, &pod); err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.controllers++
	pod.Metadata["annotations"] = map[string]string{"test.kube-aliyun.io/run": strconv.Itoa(s.controllers)}
	s.mu.Unlock()
	if err := addVolumeSocket(&pod.Spec); err != nil {
		return nil, err
	}
	return yaml.Marshal(&pod)
}

func (s *Stage) configureController(server *Server) error {
	dir, err := server.Node.HostPath(configuration)
	if err != nil {
		return err
	}
	if err := errors.Join(os.MkdirAll(dir, 0o700), os.Chown(dir, controllerUID, controllerUID)); err != nil {
		return err
	}
	path, err := s.cluster.ServerKubeconfigFor(controllerUser)
	if err != nil {
		return err
	}
	issued, err := clientcmd.LoadFromFile(path)
	if err != nil {
		return err
	}
	shipped, err := os.ReadFile(s.shipped("kubeconfig"))
	if err != nil {
		return err
	}
	files := map[string][]byte{"cloud-config.yaml": s.cloudConfig(), "kubeconfig": shipped}
	for _, c := range issued.Clusters {
		files["ca.crt"] = c.CertificateAuthorityData
		if server != s.Master() { // the API server is not on this server
			files["kubeconfig"] = bytes.ReplaceAll(shipped, []byte("https://127.0.0.1:6443"), []byte(c.Server))
		}
	}
	for _, who := range issued.AuthInfos {
		files["client.crt"], files["client.key"] = who.ClientCertificateData, who.ClientKeyData
	}
	for name, content := range files {
		file := kubelet.File{Path: filepath.Join(configuration, name), Content: content, Mode: 0o600, Owner: controllerUID}
		if err := server.Node.Write(file); err != nil {
			return err
		}
	}
	return nil
}

// EndController removes the static Pod from a server: the kubelet tells it to stop.
func (s *Stage) EndController(server *Server) error {
	path, err := server.Node.HostPath(manifestPath)
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("the controller's manifest: %w", err)
	}
	return nil
}

var errNoController = errors.New("no controller runs there")

// ControllerPID is the process of the controller on a server.
func (s *Stage) ControllerPID(server *Server) (int, error) {
	pids, err := s.PIDs(server)
	if err != nil {
		return 0, err
	}
	for _, pid := range pids {
		arguments, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err == nil && bytes.HasPrefix(arguments, []byte("/"+controllerName+"\x00")) {
			return pid, nil
		}
	}
	return 0, fmt.Errorf("%s: %w", server.Name(), errNoController)
}

// PIDs are all processes on a server, those of Pods among them.
func (s *Stage) PIDs(server *Server) (pids []int, err error) {
	processes, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, err
	}
	group := []byte("/" + s.sandbox.ID() + "/" + server.Name() + "/")
	for _, dir := range processes {
		groups, err := os.ReadFile(filepath.Join(dir, "cgroup")) // #nosec G304 -- a file of the kernel
		if err != nil || !bytes.Contains(groups, group) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			return nil, err
		}
		pids = append(pids, pid)
	}
	return pids, nil
}

// Leader is the holder of the controller's lease, or "".
func (s *Stage) Leader(ctx context.Context) (string, error) {
	lease, err := s.Client().CoordinationV1().Leases(metav1.NamespaceSystem).Get(ctx, "cloud-controller-manager", metav1.GetOptions{})
	if err != nil {
		return "", fmt.Errorf("the controller's lease: %w", err)
	}
	if lease.Spec.HolderIdentity == nil {
		return "", nil
	}
	return *lease.Spec.HolderIdentity, nil
}
