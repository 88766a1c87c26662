// Flexhost runs Kubernetes' own FlexVolume package: what kube-controller-manager
// and kubelet do with a driver, a call for each line of JSON on standard input and
// an answer for each on standard output, in the order in which they are done.
//
//	flexhost PLUGINS ROOT    PLUGINS is the plugin directory, ROOT kubelet's folder
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clientset "k8s.io/client-go/kubernetes"
	"k8s.io/kubernetes/pkg/volume"
	"k8s.io/kubernetes/pkg/volume/flexvolume"
	"k8s.io/mount-utils"
	"k8s.io/utils/exec"
)

// spec is a volume: of a PersistentVolume, or inline in a Pod.
type spec struct {
	Name     string            `json:"name"`
	Inline   bool              `json:"inline"`
	ReadOnly bool              `json:"readOnly"`
	FSType   string            `json:"fsType"`
	Options  map[string]string `json:"options"`
}

type request struct {
	ID     int      `json:"id"`
	Do     string   `json:"do"`
	Spec   spec     `json:"spec"`
	Node   string   `json:"node"`
	Device string   `json:"device"`
	Pod    string   `json:"pod"`
	Wait   duration `json:"wait"`
	Size   int64    `json:"size"`
	// Driver is aliyun/flexv unless another one is looked for.
	Driver string `json:"driver"`
}

type duration int64

type response struct {
	ID       int    `json:"id"`
	Error    string `json:"error,omitempty"`
	Text     string `json:"text,omitempty"`
	Attached *bool  `json:"attached,omitempty"`
}

const defaultDriver = "aliyun/flexv"

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: flexhost PLUGINS ROOT")
		os.Exit(2)
	}
	if err := serve(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(plugins, root string) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	manager := &volume.VolumePluginMgr{}
	prober := flexvolume.GetDynamicPluginProber(ctx, plugins, exec.New())
	if err := manager.InitPlugins(nil, prober, host{root: root, mounter: mount.NewWithoutSystemd("")}); err != nil {
		return err
	}
	var calls sync.WaitGroup
	var output sync.Mutex
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var r request
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return err
		}
		calls.Go(func() {
			answer := do(manager, root, r)
			line, err := json.Marshal(answer)
			if err != nil {
				panic(err)
			}
			output.Lock()
			defer output.Unlock()
			_, _ = os.Stdout.Write(append(line, '\n'))
		})
	}
	calls.Wait()
	return lines.Err()
}

func do(manager *volume.VolumePluginMgr, root string, r request) (answer response) {
	answer.ID = r.ID
	if r.Driver == "" {
		r.Driver = defaultDriver
	}
	if err := call(manager, root, r, &answer); err != nil {
		answer.Error = err.Error()
	}
	return answer
}

func call(manager *volume.VolumePluginMgr, root string, r request, answer *response) (err error) {
	wanted := r.volumeSpec()
	found, err := manager.FindPluginBySpec(wanted)
	if err != nil {
		return err
	}
	if r.Do == "find" {
		answer.Text = found.GetPluginName()
		return nil
	}
	plugin, ok := found.(volume.AttachableVolumePlugin)
	if !ok {
		return errors.New("the plugin does not attach")
	}
	attacher, err := plugin.NewAttacher()
	if err != nil {
		return err
	}
	detacher, err := plugin.NewDetacher()
	if err != nil {
		return err
	}
	mounter, ok := attacher.(volume.DeviceMounter)
	if !ok {
		return errors.New("the attacher does not mount")
	}
	unmounter, ok := detacher.(volume.DeviceUnmounter)
	if !ok {
		return errors.New("the detacher does not unmount")
	}
	switch r.Do {
	case "attach":
		answer.Text, err = attacher.Attach(wanted, types.NodeName(r.Node))
	case "isattached":
		var attached map[*volume.Spec]bool
		attached, err = attacher.VolumesAreAttached([]*volume.Spec{wanted}, types.NodeName(r.Node))
		if there, ok := attached[wanted]; ok {
			answer.Attached = &there
		}
	case "detach":
		err = detacher.Detach(r.Spec.Name, types.NodeName(r.Node))
	case "waitforattach":
		answer.Text, err = attacher.WaitForAttach(wanted, r.Device, nil, time.Duration(r.Wait))
	case "mountdevice":
		if answer.Text, err = mounter.GetDeviceMountPath(wanted); err == nil {
			err = mounter.MountDevice(wanted, r.Device, answer.Text, volume.DeviceMounterArgs{})
		}
	case "unmountdevice":
		var path string
		if path, err = mounter.GetDeviceMountPath(wanted); err == nil {
			err = unmounter.UnmountDevice(path)
		}
	case "setup":
		answer.Text, err = setUp(plugin, wanted, r)
	case "teardown":
		var pod volume.Unmounter
		if pod, err = plugin.NewUnmounter(r.Spec.Name, types.UID(r.Pod)); err == nil {
			err = pod.TearDown()
		}
	case "reconstruct":
		err = reconstruct(plugin, root, r, answer)
	case "expand":
		err = expand(plugin, mounter, wanted, r)
	default:
		err = fmt.Errorf("unknown call %q", r.Do)
	}
	return err
}

func setUp(plugin volume.VolumePlugin, wanted *volume.Spec, r request) (string, error) {
	pod := &v1.Pod{ObjectMeta: metav1.ObjectMeta{Name: r.Pod, Namespace: "default", UID: types.UID(r.Pod)}}
	mounter, err := plugin.NewMounter(wanted, pod)
	if err != nil {
		return "", err
	}
	return mounter.GetPath(), mounter.SetUp(volume.MounterArgs{})
}

// reconstruct is what a kubelet does after its restart: the volume's name is all
// that it has.
func reconstruct(plugin volume.AttachableVolumePlugin, root string, r request, answer *response) error {
	path := filepath.Join(root, "pods", r.Pod, "volumes", "aliyun~flexv", r.Spec.Name)
	found, err := plugin.ConstructVolumeSpec(r.Spec.Name, path)
	if err != nil {
		return err
	}
	answer.Text, err = plugin.GetVolumeName(found.Spec)
	return err
}

func expand(plugin volume.VolumePlugin, mounter volume.DeviceMounter, wanted *volume.Spec, r request) error {
	path, err := mounter.GetDeviceMountPath(wanted)
	if err != nil {
		return err
	}
	expander, ok := plugin.(volume.NodeExpandableVolumePlugin)
	if !ok || !expander.RequiresFSResize() {
		return errors.New("the plugin does not expand")
	}
	_, err = expander.NodeExpand(volume.NodeResizeOptions{
		VolumeSpec: wanted, DevicePath: r.Device, DeviceMountPath: path,
		NewSize: *resource.NewQuantity(r.Size, resource.BinarySI), OldSize: *resource.NewQuantity(1, resource.BinarySI),
	})
	return err
}

func (r request) volumeSpec() *volume.Spec {
	if r.Spec.Inline {
		return volume.NewSpecFromVolume(&v1.Volume{Name: r.Spec.Name, VolumeSource: v1.VolumeSource{FlexVolume: &v1.FlexVolumeSource{
			Driver: r.Driver, FSType: r.Spec.FSType, ReadOnly: r.Spec.ReadOnly, Options: r.Spec.Options,
		}}})
	}
	return volume.NewSpecFromPersistentVolume(&v1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: r.Spec.Name},
		Spec: v1.PersistentVolumeSpec{PersistentVolumeSource: v1.PersistentVolumeSource{FlexVolume: &v1.FlexPersistentVolumeSource{
			Driver: r.Driver, FSType: r.Spec.FSType, Options: r.Spec.Options,
		}}},
	}, r.Spec.ReadOnly)
}

// host is the part of kubelet and kube-controller-manager that the package uses.
type host struct {
	volume.VolumeHost

	root    string
	mounter mount.Interface
}

func (h host) GetMounter() mount.Interface        { return h.mounter }
func (h host) GetKubeClient() clientset.Interface { return nil }
func (h host) GetPluginDir(name string) string    { return filepath.Join(h.root, "plugins", name) }
func (h host) GetPodVolumeDir(uid types.UID, plugin, name string) string {
	return filepath.Join(h.root, "pods", string(uid), "volumes", plugin, name)
}
