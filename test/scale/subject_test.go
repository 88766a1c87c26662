//go:build bench

package scale

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/process"
	"github.com/kube-aliyun/kube-aliyun/test/rig"
	"github.com/kube-aliyun/kube-aliyun/test/scale/naive"
)

// subject is a controller that is measured.
type subject interface {
	name() string
	// judged is false for what is only compared with: its failures are told.
	judged() bool
	// start starts a replica; it does not wait for it.
	start(w *world) replica
	// stop ends all replicas.
	stop()
}

// replica is a process of a subject.
type replica interface {
	PID() int
	Kill()
	tail() string
}

// ours is aliyun-controller.
type ours struct {
	args     []string
	replicas []ourReplica
}

func (o *ours) name() string { return "aliyun-controller" }

func (o *ours) judged() bool { return true }

func (o *ours) start(w *world) replica {
	c := ourReplica{w.StartController(append([]string{"--cluster-cidr=" + clusterCIDR, "-v=2"}, o.args...)...)}
	o.replicas = append(o.replicas, c)
	return c
}

func (o *ours) stop() {
	for _, r := range o.replicas {
		r.Kill()
	}
}

type ourReplica struct{ *rig.Controller }

func (r ourReplica) tail() string { return r.Tail(40) }

// send reaches a process that this one has started.
func send(t *testing.T, pid int, what syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, what); err != nil {
		t.Fatal(err)
	}
}

// simple is the naive provider.
type simple struct {
	// hurried lifts its limits towards the Kubernetes API.
	hurried  bool
	replicas []*simpleReplica
}

func (s *simple) name() string { return "naive" }

func (s *simple) judged() bool { return false }

func (s *simple) start(w *world) replica {
	w.t.Helper()
	self, err := os.Executable()
	if err != nil {
		w.t.Fatal(err)
	}
	number := len(s.replicas) + 1
	options, err := json.Marshal(naive.Options{
		Kubeconfig: w.Cluster.Kubeconfig(), Endpoint: w.Sim.Endpoint(),
		AccessKeyID: w.Sim.AccessKeyID, AccessKeySecret: w.Sim.AccessKeySecret,
		Region: "cn-hangzhou", VPCID: w.VPC(), RouteTableID: w.RouteTable(), ClusterCIDR: clusterCIDR,
		Identity: "naive-" + strconv.Itoa(number), Hurried: s.hurried,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	r := &simpleReplica{log: filepath.Join(w.t.TempDir(), fmt.Sprintf("naive-%d.log", number))}
	r.Process, err = process.Start(w.t.Context(), process.Program{
		Name: "naive controller", Binary: self, Log: r.log, Env: []string{naiveVariable + "=" + string(options)},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	s.replicas = append(s.replicas, r)
	return r
}

func (s *simple) stop() {
	for _, r := range s.replicas {
		r.Kill()
	}
}

type simpleReplica struct {
	*process.Process
	log string
}

func (r *simpleReplica) Kill() {
	_ = r.Signal(syscall.SIGKILL)
	<-r.Done()
}

func (r *simpleReplica) tail() string {
	content, err := os.ReadFile(r.log)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimRight(string(content), "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-40):], "\n")
}

// cpu is the processor time that a process has used.
func cpu(t *testing.T, pid int) time.Duration {
	t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	// The name in parentheses may hold anything; the numbers come after it.
	_, rest, _ := strings.Cut(string(raw), ") ")
	fields := strings.Fields(rest)
	const user, system, hertz = 11, 12, 100
	ticks := 0
	for _, i := range []int{user, system} {
		n, err := strconv.Atoi(fields[i])
		if err != nil {
			t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / hertz
}

// memory is what a process holds now, and the most it ever did, in MiB.
func memory(t *testing.T, pid int) (now, most int) {
	t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(raw)) {
		key, value, _ := strings.Cut(line, ":")
		if key != "VmRSS" && key != "VmHWM" {
			continue
		}
		kib, err := strconv.Atoi(strings.Fields(value)[0])
		if err != nil {
			t.Fatal(err)
		}
		if key == "VmRSS" {
			now = kib / 1024
		} else {
			most = kib / 1024
		}
	}
	return now, most
}
