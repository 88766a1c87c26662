package stage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
)

const (
	driverName = "aliyun-flexv"
	// plugins is where kubelets look for FlexVolume drivers.
	plugins = "/usr/libexec/kubernetes/kubelet-plugins/volume/exec"
	// sockets is the folder of a master with the volume socket.
	sockets = "/run/kube-aliyun/volumes"
	// socketName is the volume socket's.
	socketName = "volumes.sock"
)

// volumeFolders are what a server has for volumes: its own disks, the folder of the
// volume socket, made as at each start of a master, and, on the master, the drivers
// of kube-controller-manager, which runs beside the server's file system.
func (s *Stage) volumeFolders(server *Server) (map[string]string, error) {
	dir := s.socketFolder(server.ID)
	if err := errors.Join(os.MkdirAll(dir, 0o750), os.Chown(dir, controllerUID, controllerUID)); err != nil { // #nosec G301 -- as the guide has it
		return nil, fmt.Errorf("folder of the volume socket: %w", err)
	}
	folders := map[string]string{"/sys/block": filepath.Join(server.Devices, "sys/block"), sockets: dir}
	if server == s.Master() {
		folders[plugins] = s.cluster.FlexVolumes()
		if err := os.MkdirAll(folders[plugins], 0o755); err != nil { // #nosec G301 -- as the machine's
			return nil, fmt.Errorf("folder of volume plug-ins: %w", err)
		}
	}
	return folders, nil
}

func (s *Stage) socketFolder(server string) string {
	return filepath.Join(s.sandbox.Dir(), "volumes", server)
}

// driverEnvironment tells the driver that kube-controller-manager runs where the
// folders are that a static Pod would have mounted.
func (s *Stage) driverEnvironment() []string {
	return []string{
		"ALIYUN_FLEXV_SOCKET=" + filepath.Join(s.socketFolder(masterID), socketName),
		"ALIYUN_FLEXV_LOG=" + s.driverLog(),
	}
}

// driverLog is the log of the driver in kube-controller-manager.
func (s *Stage) driverLog() string { return filepath.Join(s.sandbox.Dir(), driverName+".log") }

// addVolumeSocket makes the controller serve it, as the guide on disks has it for
// static Pods.
func addVolumeSocket(spec *corev1.PodSpec) error {
	for i := range spec.Containers {
		c := &spec.Containers[i]
		if c.Name != controllerName {
			continue
		}
		c.Command = append(c.Command, "--volume-socket="+filepath.Join(sockets, socketName))
		c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: "volumes", MountPath: sockets})
		spec.Volumes = append(spec.Volumes, corev1.Volume{
			Name: "volumes", VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: sockets}},
		})
		return nil
	}
	return fmt.Errorf("the manifest has no container %s: %w", controllerName, errNoController)
}

// InstallDriver applies deploy/flexvolume, as the installation guide has it, and
// returns when every server has the driver.
func (s *Stage) InstallDriver(ctx context.Context) error {
	if err := s.Kubectl(ctx, "apply", "--server-side", "-k", filepath.Join(s.options.Root, "deploy", "flexvolume")); err != nil {
		return err
	}
	return s.Kubectl(ctx, "-n", "kube-system", "rollout", "status", "daemonset/"+driverName, "--timeout=60s")
}
