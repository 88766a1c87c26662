package kubelet

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// ownFolders are the folders that a node has for itself. /run is the last: the
// sandbox's own files are below it.
var ownFolders = []string{
	"/etc/cni",
	"/etc/kubernetes",
	"/usr/libexec/kubernetes",
	"/var/lib/cni",
	"/var/lib/containerd",
	"/var/lib/kube-proxy",
	"/var/lib/kubelet",
	"/var/log/containers",
	"/var/log/kube-aliyun",
	"/var/log/pods",
	"/run",
}

// kernelSettings are what kubelet sets in the kernel. A node has files in their
// place: the machine's own settings stay.
var kernelSettings = []string{
	"/proc/sys/kernel/keys/root_maxbytes",
	"/proc/sys/kernel/keys/root_maxkeys",
	"/proc/sys/kernel/panic",
	"/proc/sys/kernel/panic_on_oops",
	"/proc/sys/vm/overcommit_memory",
	"/proc/sys/vm/panic_on_oom",
}

// filesystem is a mount namespace in which a node has folders of its own. It goes,
// with all that is mounted in it, when the last process in it has ended and it is
// closed.
type filesystem struct {
	// dir has the folders' content, under their paths.
	dir     string
	folders []string
	// foreign are folders of the machine, by the paths where they are seen.
	foreign map[string]string
	// overlaid are the machine's folders that the node may add folders to.
	overlaid map[string]bool
	// namespace is open while the filesystem is.
	namespace *os.File
}

var errForeignPath = errors.New("not in a folder of the node's own")

// Filesystem is what a node's is, for servers that become nodes in another way.
type Filesystem = filesystem

// NewFilesystem makes a mount namespace with folders of its own; dir, in the sandbox,
// has what is in them, or will have. /run has to be the last.
func NewFilesystem(dir string, folders []string) (*Filesystem, error) {
	return newFilesystem(dir, folders, nil)
}

// newFilesystem makes the namespace; dir is a folder of the sandbox.
func newFilesystem(dir string, folders []string, foreign map[string]string) (*filesystem, error) {
	f := &filesystem{dir: dir, folders: folders, foreign: foreign, overlaid: map[string]bool{}}
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		result <- f.mount()
	}()
	if err := <-result; err != nil {
		return nil, fmt.Errorf("file system of a node: %w", errors.Join(err, f.Close()))
	}
	return f, nil
}

// mount moves the thread into a new mount namespace and fills it.
func (f *filesystem) mount() (err error) {
	if err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS); err != nil {
		return err
	}
	if f.namespace, err = os.Open("/proc/thread-self/ns/mnt"); err != nil {
		return err
	}
	// Nothing mounted here shows on the machine; what is unmounted there goes
	// here too. Within the node mounts are shared, as volumes need it.
	for _, propagation := range []uintptr{unix.MS_SLAVE, unix.MS_SHARED} {
		if err := unix.Mount("", "/", "", unix.MS_REC|propagation, ""); err != nil {
			return err
		}
	}
	for _, path := range kernelSettings {
		if err := f.copySetting(path); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	// The machine's folders may be out of sight behind the node's own.
	opened := map[string]*os.File{}
	for path, folder := range f.foreign {
		if opened[path], err = os.Open(folder); err != nil { // #nosec G304 -- the caller's
			return err
		}
		defer func() { _ = opened[path].Close() }()
	}
	for _, path := range f.folders {
		if err := f.mountFolder(path); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	for path, folder := range opened {
		if err := f.mountForeign(path, folder); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

// mountForeign puts a folder of the machine at path.
func (f *filesystem) mountForeign(path string, folder *os.File) error {
	point := f.makePoint
	if _, err := f.HostPath(path); err == nil {
		point = func(path string) error { return os.MkdirAll(path, 0o755) } // #nosec G301 -- as the machine's
	}
	if err := point(path); err != nil {
		return err
	}
	return unix.Mount(fmt.Sprintf("/proc/self/fd/%d", folder.Fd()), path, "", unix.MS_BIND, "")
}

// mountFolder puts a folder of the node's own at path.
func (f *filesystem) mountFolder(path string) error {
	own := filepath.Join(f.dir, path)
	if err := os.MkdirAll(own, 0o755); err != nil { // #nosec G301 -- as the machine's
		return err
	}
	if err := f.makePoint(path); err != nil {
		return err
	}
	return unix.Mount(own, path, "", unix.MS_BIND, "")
}

// makePoint makes the folder at path, if it is not there, without making it on the
// machine: the nearest folder above is overlaid.
func (f *filesystem) makePoint(path string) error {
	above := path
	for {
		if _, err := os.Stat(above); err == nil {
			break
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		above = filepath.Dir(above)
	}
	if above == path {
		return nil
	}
	if f.overlaid[above] {
		return os.MkdirAll(path, 0o755) // #nosec G301 -- as the machine's
	}
	layers, err := os.MkdirTemp(f.dir, "overlay")
	if err != nil {
		return err
	}
	upper, work := filepath.Join(layers, "upper"), filepath.Join(layers, "work")
	if err := errors.Join(os.Mkdir(upper, 0o755), os.Mkdir(work, 0o700)); err != nil { // #nosec G301 -- as the machine's
		return err
	}
	if err := unix.Mount("overlay", above, "overlay", 0, "lowerdir="+above+",upperdir="+upper+",workdir="+work); err != nil {
		return fmt.Errorf("overlay on %s: %w", above, err)
	}
	f.overlaid[above] = true
	return os.MkdirAll(path, 0o755) // #nosec G301 -- as the machine's
}

// copySetting puts a file with the kernel's value in the setting's place. What
// this kernel does not have is not set either.
func (f *filesystem) copySetting(path string) error {
	value, err := os.ReadFile(path) // #nosec G304 -- one of kernelSettings
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	copied := filepath.Join(f.dir, path)
	if err := errors.Join(os.MkdirAll(filepath.Dir(copied), 0o700), os.WriteFile(copied, value, 0o600)); err != nil {
		return err
	}
	return unix.Mount(copied, path, "", unix.MS_BIND, "")
}

// Enter moves the calling thread into the file system. The caller has locked its
// goroutine to the thread and never unlocks it.
func (f *filesystem) Enter() error {
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return fmt.Errorf("enter the file system of a node: %w", err)
	}
	if err := unix.Setns(int(f.namespace.Fd()), unix.CLONE_NEWNS); err != nil { // #nosec G115 -- a file descriptor
		return fmt.Errorf("enter the file system of a node: %w", err)
	}
	return nil
}

// HostPath is where this machine has a file of the node's own folders.
func (f *filesystem) HostPath(path string) (string, error) {
	path = filepath.Clean(path)
	for _, own := range f.folders {
		if path == own || strings.HasPrefix(path, own+"/") {
			return filepath.Join(f.dir, path), nil
		}
	}
	return "", fmt.Errorf("%s: %w", path, errForeignPath)
}

// Write puts a file into one of the node's own folders. It appears whole.
func (f *filesystem) Write(file File) error {
	path, err := f.HostPath(file.Path)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { // #nosec G301 -- as the machine's
		return fmt.Errorf("file of a node: %w", err)
	}
	part := filepath.Join(f.dir, "part")
	err = errors.Join(
		os.WriteFile(part, file.Content, 0o600),
		os.Chmod(part, file.Mode.Perm()),
		os.Chown(part, file.Owner, file.Owner),
		os.Rename(part, path))
	if err != nil {
		return fmt.Errorf("file of a node: %w", err)
	}
	return nil
}

// Close lets go of the namespace.
func (f *filesystem) Close() error {
	if f.namespace == nil {
		return nil
	}
	err := f.namespace.Close()
	f.namespace = nil
	return err
}
