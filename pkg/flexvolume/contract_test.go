package flexvolume

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// every is each call of the contract with arguments that make it fail at most by
// what is wrong with the machine.
func every() [][]string {
	options := with("v", "diskId", "d-abc")
	dir := "/nowhere" + mountsFolder + "v"
	return [][]string{
		{"init"}, {"getvolumename", options}, {"attach", options, "n"}, {"isattached", options, "n"}, {"detach", "v", "n"},
		{"waitforattach", "", options}, {"mountdevice", dir, "", options}, {"mount", "/nowhere/pods/1" + volumesFolder + "v", options},
		{"unmount", "/nowhere/pods/1" + volumesFolder + "v"}, {"unmountdevice", dir}, {"expandfs", options, "", dir, "2", "1"},
		{"expandvolume", options, "", "2", "1"}, {"unknown"}, {},
	}
}

func TestCase01OneJSONObjectIsPrintedWhateverTheCall(t *testing.T) {
	released, _ := built(t)
	for _, arguments := range every() {
		if len(arguments) > 0 && arguments[0] == "waitforattach" {
			continue // waits for the device; below
		}
		for count := range len(arguments) + 1 {
			runDriver(t, released, []string{LogVariable + "=off", DebugVariable + "=1"}, nil, arguments[:count]...)
		}
	}
}

func TestCase01WaitForAttachEndsWithOneJSONObjectWhenKubeletStopsIt(t *testing.T) {
	released, _ := built(t)
	program := filepath.Join(t.TempDir(), "stopped")
	script := "#!/bin/sh\n" + released + ` "$@" & child=$!; sleep 0.3; kill $child; wait $child` + "\n"
	if err := os.WriteFile(program, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	got := runDriver(t, program, []string{LogVariable + "=off"}, nil, "waitforattach", "", with("v", "diskId", "d-abc"))
	if got.Status != statusFailure || !strings.Contains(got.Message, "serial abc") {
		t.Errorf("%+v", got)
	}
}

func TestCase01WhatLibrariesAndChildrenPrintGoesToTheLog(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log", "flexv.log")
	got := runDriver(t, "/proc/self/exe", []string{asDriver + "=1", LogVariable + "=" + log, DebugVariable + "=1"}, nil, "noise")
	if got.Status != statusSuccess {
		t.Errorf("%+v", got)
	}
	content, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"a library prints", "and complains", "so does mount-utils", "at any verbosity", "a child", "prints"} {
		if !strings.Contains(string(content), line) {
			t.Errorf("the log lacks %q:\n%s", line, content)
		}
	}
}

func TestCase01APanicIsAFailureWhoseMessageSurvives(t *testing.T) {
	got := runDriver(t, "/proc/self/exe", []string{asDriver + "=1", LogVariable + "=off"}, nil, "panic")
	if got.Status != statusFailure || !strings.Contains(got.Message, "100% \"wrong\"\n错") {
		t.Errorf("%+v", got)
	}
}

func TestCase02InitNeedsNothing(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("namespaces take root")
	}
	released, _ := built(t)
	program := filepath.Join(t.TempDir(), "read-only")
	script := "#!/bin/sh\nmount --bind / / && mount -o remount,ro,bind / && cd / && exec env -i " + released + ` "$@"` + "\n"
	if err := os.WriteFile(program, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	got := runDriver(t, program, nil, &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS}, "init")
	if got.Status != statusSuccess {
		t.Fatalf("%+v", got)
	}
	for _, capability := range []string{"attach", "selinuxRelabel", "supportsMetrics", "fsGroup", "requiresFSResize"} {
		if !got.Capabilities[capability] {
			t.Errorf("capability %s is not given", capability)
		}
	}
	if took := time.Since(begin); took > time.Second {
		t.Errorf("init took %s", took)
	}
}

func TestCase03OnlyCallsThatTheDriverNeverHasAreNotSupported(t *testing.T) {
	released, _ := built(t)
	never := []string{"getvolumename", "unmount", "expandvolume", "unknown"}
	for _, arguments := range every() {
		if len(arguments) == 0 || arguments[0] == "waitforattach" {
			continue
		}
		for count := 1; count <= len(arguments); count++ {
			got := runDriver(t, released, []string{LogVariable + "=off"}, nil, arguments[:count]...)
			if supported := got.Status != statusNotSupported; supported == slices.Contains(never, arguments[0]) {
				t.Errorf("%v: %s", arguments[:count], got.Status)
			}
		}
	}
	for _, bad := range []string{"", "{}", "null", with("v")} {
		if got := runDriver(t, released, []string{LogVariable + "=off"}, nil, "waitforattach", "", bad); got.Status != statusFailure {
			t.Errorf("waitforattach %q: %s", bad, got.Status)
		}
	}
}

func TestCase04CallsAfterARestartOfKubeletNeedNoDisk(t *testing.T) {
	released, _ := built(t)
	env := []string{LogVariable + "=off"}
	if got := runDriver(t, released, env, nil, "getvolumename", with("v")); got.Status == statusFailure {
		t.Errorf("getvolumename: %+v", got)
	}
	if got := runDriver(t, released, env, nil, "unmount", "/nowhere"); got.Status == statusFailure {
		t.Errorf("unmount: %+v", got)
	}
	if got := runDriver(t, released, env, nil, "unmountdevice", "/nowhere"+mountsFolder+"v"); got.Status != statusSuccess {
		t.Errorf("unmountdevice: %+v", got)
	}
}

func TestCase05WrongOptionsAreRefusedAtOnceAndNotRepeated(t *testing.T) {
	calls := &calls{}
	socket := calls.serve(t, nil)
	released, _ := built(t)
	for name, options := range map[string]string{
		"no JSON":           `{"diskId":"test-secret"`,
		"a list":            `["test-secret"]`,
		"null":              `null`,
		"a number":          `{"kubernetes.io/pvOrVolumeName":"v","diskId":"d-abc","size":7,"x":"test-secret"}`,
		"no disk":           with("v", "other", "test-secret"),
		"an empty disk":     with("v", "diskId", "", "other", "test-secret"),
		"no disk's id":      with("v", "diskId", "../test-secret"),
		"two disks":         with("v", "diskId", "d-abc", "volumeId", "d-xyz", "other", "test-secret"),
		"a path as fsType":  with("v", "diskId", "d-abc", keyFSType, "../test-secret"),
		"a flag of mount":   with("v", "diskId", "d-abc", "flags", "noatime,bind,test-secret"),
		"another device":    with("v", "diskId", "d-abc", "flags", "logdev=/dev/test-secret"),
		"a file for mkfs":   with("v", "diskId", "d-abc", "mkfsOptions", "-d /etc/test-secret"),
		"a device for mkfs": with("v", "diskId", "d-abc", "mkfsOptions", "/dev/test-secret"),
	} {
		for _, arguments := range [][]string{
			{"attach", options, "n"}, {"isattached", options, "n"}, {"waitforattach", "", options},
			{"mountdevice", "/nowhere" + mountsFolder + "v", "", options}, {"mount", "/nowhere/pods/1" + volumesFolder + "v", options},
			{"expandfs", options, "", "/nowhere", "2", "1"},
		} {
			begin := time.Now()
			got := runDriver(t, released, []string{LogVariable + "=off", SocketVariable + "=" + socket}, nil, arguments...)
			if got.Status != statusFailure || strings.Contains(got.Message, "test-secret") || time.Since(begin) > time.Second {
				t.Errorf("%s: %s after %s: %+v", name, arguments[0], time.Since(begin), got)
			}
		}
	}
	if n := calls.count(); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

func TestTheDiskMayBeNamedAsOtherDriversNamedIt(t *testing.T) {
	for _, key := range []string{"diskId", "DiskId", "volumeId", "VolumeId"} {
		if o, err := parseOptions(with("v", key, "d-abc")); err != nil || o.disk != "d-abc" {
			t.Errorf("%s: %q, %v", key, o.disk, err)
		}
	}
}

func TestTheDriverIsSmallAndStatic(t *testing.T) {
	released, _ := built(t)
	info, err := os.Stat(released)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes", info.Size())
	if info.Size() >= 5_000_000 {
		t.Errorf("the driver has %d bytes, 5 MB or more", info.Size())
	}
	if out, err := exec.CommandContext(t.Context(), "go", "version", "-m", released).CombinedOutput(); err != nil || !strings.Contains(string(out), "CGO_ENABLED=0") {
		t.Errorf("cgo is not off (%v):\n%s", err, out)
	}
}

func TestTheDriverIsMadeOfFewParts(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", "../../cmd/aliyun-flexv").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	allowed := []string{
		"github.com/kube-aliyun/kube-aliyun/cmd/aliyun-flexv", "github.com/kube-aliyun/kube-aliyun/pkg/flexvolume",
		"github.com/kube-aliyun/kube-aliyun/pkg/volumesocket/wire",
		"k8s.io/mount-utils", "k8s.io/klog/v2", "k8s.io/utils/", "github.com/go-logr/logr", "github.com/moby/sys/mountinfo", "golang.org/x/sys/unix",
	}
	for dependency := range strings.FieldsSeq(string(out)) {
		if !slices.ContainsFunc(allowed, func(prefix string) bool { return strings.HasPrefix(dependency, prefix) }) {
			t.Errorf("the driver holds %s", dependency)
		}
	}
}

// TestACallIsQuick asks for the time on the processor, which other work on the
// machine does not lengthen: nothing in these calls waits. What the clock shows
// is printed beside that of a program that does nothing.
func TestACallIsQuick(t *testing.T) {
	released, _ := built(t)
	socket := (&calls{}).serve(t, nil)
	measure := func(program string, arguments ...string) (processor time.Duration) {
		var busy, clock []time.Duration
		for range 30 {
			command := exec.CommandContext(t.Context(), program, arguments...)
			command.Env = append(os.Environ(), LogVariable+"=off", SocketVariable+"="+socket)
			begin := time.Now()
			_ = command.Run()
			clock = append(clock, time.Since(begin))
			busy = append(busy, command.ProcessState.UserTime()+command.ProcessState.SystemTime())
		}
		slices.Sort(busy)
		slices.Sort(clock)
		t.Logf("%s %.12s: processor %s, clock %s (medians), fastest %s", filepath.Base(program), slices.Concat(arguments, []string{""})[0],
			busy[len(busy)/2], clock[len(clock)/2], clock[0])
		return busy[len(busy)/2]
	}
	measure("/bin/true")
	for _, arguments := range [][]string{{"init"}, {"getvolumename", "{}"}, {"detach", "v", "n"}, {"attach", with("v", "diskId", "d-abc"), "n"}} {
		if took := measure(released, arguments...); took > 15*time.Millisecond {
			t.Errorf("%s takes %s, more than 15 ms", arguments[0], took)
		}
	}
}

func TestTheLogIsRotatedAndHoldsNoOptions(t *testing.T) {
	released, _ := built(t)
	log := filepath.Join(t.TempDir(), "flexv.log")
	if err := os.WriteFile(log, make([]byte, longestLog), 0o600); err != nil {
		t.Fatal(err)
	}
	runDriver(t, released, []string{LogVariable + "=" + log}, nil, "mount", "/nowhere", with("v", "diskId", "d-abc", "kubernetes.io/secret/key", "test-secret"))
	content, err := os.ReadFile(log)
	if err != nil || !strings.Contains(string(content), "mount") || strings.Contains(string(content), "test-secret") {
		t.Errorf("log %q, %v", content, err)
	}
	if old, err := os.Stat(log + ".1"); err != nil || old.Size() != longestLog {
		t.Errorf("the old log: %v", err)
	}
}
