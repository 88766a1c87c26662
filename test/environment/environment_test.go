package main

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
	"github.com/kube-aliyun/kube-aliyun/test/environment/console"
	"github.com/kube-aliyun/kube-aliyun/test/process"
)

func testPlace(t *testing.T) place {
	t.Helper()
	root := t.TempDir()
	return place{root: root, dir: filepath.Join(root, ".run")}
}

func TestRecordIsReadAsItWasWritten(t *testing.T) {
	p := testPlace(t)
	if err := os.Mkdir(p.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, found, err := p.load(); found || err != nil {
		t.Fatalf("without a record: found %v, %v", found, err)
	}
	want := record{
		Started: time.Unix(1700000000, 0).UTC(), Ready: true, Nodes: 4, Grace: time.Minute, SimulatorURL: "http://here",
		Processes: []process.Record{{Name: "one", PID: 77, Marker: "--x=y", Log: "log"}},
	}
	if err := p.save(want); err != nil {
		t.Fatal(err)
	}
	got, found, err := p.load()
	if err != nil || !found {
		t.Fatalf("found %v, %v", found, err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestHalfStartedEnvironmentIsKnownByWhatIsMissing(t *testing.T) {
	p := testPlace(t)
	got := p.dead(record{Processes: []process.Record{{Name: "aliyun-sim", PID: 1 << 30, Marker: "--x=y"}}})
	want := []string{"the end of its start", "aliyun-sim", "the control plane"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestOneProcessHasTheLock(t *testing.T) {
	p := testPlace(t)
	unlock, err := p.lock()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.lock(); !errors.Is(err, errBusy) {
		t.Errorf("a second lock: %v", err)
	}
	unlock()
	// As `down` does at its end.
	if err := os.RemoveAll(p.dir); err != nil {
		t.Fatal(err)
	}
	unlock, err = p.lock()
	if err != nil {
		t.Fatal(err)
	}
	unlock()
}

func TestDownRemovesWhatIsLeftOfADeadEnvironment(t *testing.T) {
	p := testPlace(t)
	unlock, err := p.lock()
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	if err := p.save(record{Processes: []process.Record{{Name: "aliyun-sim", PID: 1 << 30, Marker: "--x=y"}}}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p.log("aliyun-sim"), []byte("it died\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := p.clear(t.Context(), console.New(&strings.Builder{})); err != nil {
		t.Fatal(err)
	}
	if _, found, err := p.load(); found || err != nil {
		t.Errorf("record: found %v, %v", found, err)
	}
	if _, err := os.Stat(p.log("aliyun-sim")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("log: %v", err)
	}
}

func TestLeftoversAreProgramsOfThisFolderOnly(t *testing.T) {
	p := place{root: "/repo", dir: "/repo/.run"}
	proc := t.TempDir()
	for pid, args := range map[string][]string{
		"11":   {"/repo/bin/kubernetes/etcd", "--name=default", "--data-dir=/repo/.run/cluster/etcd"},
		"12":   {"/cache/environment", "keep", "--region=http://x", "--kubeconfig=/repo/.run/cluster/k"},
		"13":   {"/repo/bin/aliyun-sim", "--addresses-file=/repo/.run/simulator.json"},
		"21":   {"/repo/bin/kubernetes/kubectl", "--kubeconfig=/repo/.run/cluster/k", "get", "nodes", "-w"},
		"22":   {"less", "/repo/.run/logs/keeper.log"},
		"23":   {"/repo/bin/aliyun-sim", "--addresses-file=/repo/.run2/simulator.json"},
		"24":   {"/other/bin/kubernetes/etcd", "--data-dir=/other/.run/cluster/etcd"},
		"25":   {""},
		"self": {"/repo/bin/aliyun-sim", "--addresses-file=/repo/.run/simulator.json"},
	} {
		if err := os.Mkdir(filepath.Join(proc, pid), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(proc, pid, "cmdline"), []byte(strings.Join(args, "\x00")+"\x00"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	found, err := p.leftovers(proc)
	if err != nil {
		t.Fatal(err)
	}
	want := []process.Record{
		{Name: "etcd", PID: 11, Marker: "--data-dir=/repo/.run/cluster/etcd"},
		{Name: "keeper", PID: 12, Marker: "--kubeconfig=/repo/.run/cluster/k"},
		{Name: "aliyun-sim", PID: 13, Marker: "--addresses-file=/repo/.run/simulator.json"},
	}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Error(diff)
	}
}

func TestSeedOfEverySizeIsARegion(t *testing.T) {
	for _, n := range []int{1, 3, maxNodes} {
		sim := aliyunsim.Start(t, aliyunsim.Options{Seed: seed(n), Profile: "std"})
		for _, id := range []string{"i-demo1", "i-demo" + strconv.Itoa(n)} {
			sim.Do(func(r *aliyunsim.Region) {
				if server, found := r.ECS.Server(id); !found || server.Status != "Running" {
					t.Errorf("%d servers: %s found %v, %+v", n, id, found, server)
				}
			})
		}
	}
}

func TestOtherCloudsAndClustersAreNotInherited(t *testing.T) {
	for name, want := range map[string]bool{
		"ALIYUN_ACCESS_KEY": true, "ALIBABA_CLOUD_REGION_ID": true, "SLB_ENDPOINT": true, "KUBECONFIG": true, "https_proxy": true,
		"PATH": false, "HOME": false, "GOCOVERDIR": false,
	} {
		if got := foreign(name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
