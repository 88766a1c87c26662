package serve

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/admin"
	"github.com/kube-aliyun/kube-aliyun/test/process/victim"
	"github.com/kube-aliyun/kube-aliyun/test/sandbox"
)

// killedLater makes this test binary a simulator with a data plane.
const killedLater = "ALIYUN_SIM_KILLED_LATER"

func TestMain(m *testing.M) {
	if os.Getenv(killedLater) != "" {
		o := options()
		o.Dataplane = true
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := Run(ctx, o, os.Stdout); err != nil {
			_, _ = os.Stderr.WriteString(err.Error())
		}
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// supported skips the test where there can be no data plane.
func supported(t *testing.T) {
	t.Helper()
	box, err := sandbox.Open(t.Context())
	if errors.Is(err, sandbox.ErrUnsupported) {
		t.Skip(err)
	}
	if err == nil {
		err = box.Close(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// namespaces lists those of a sandbox.
func namespaces(t *testing.T, id string) []string {
	t.Helper()
	found, err := filepath.Glob("/run/netns/" + id + "-*")
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestDataplaneIsToldAndGoesAtTheEnd(t *testing.T) {
	supported(t)
	o := options()
	o.Dataplane = true
	urls, stop := run(t, o)
	p, err := admin.NewClient(urls["openapi"], nil).Dataplane(t.Context())
	if err != nil {
		t.Fatal(errors.Join(err, stop()))
	}
	for _, place := range p.Servers {
		if _, err := os.Stat(place.Namespace); err != nil || place.Address == "" {
			t.Errorf("server %+v: %v", place, err)
		}
	}
	if got := len(namespaces(t, p.Sandbox)); got != 2+1+2 || len(p.Servers) != 2 || len(p.VPCs) != 1 {
		t.Errorf("%d namespaces for %+v", got, p)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if left := namespaces(t, p.Sandbox); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestNextStartRemovesWhatAKilledDataplaneLeft(t *testing.T) {
	supported(t)
	killed := victim.Start(t, killedLater+"=yes")
	url := ""
	for line := ""; line != "ready"; line = killed.Line(t) {
		if name, value, _ := strings.Cut(line, "="); name == "openapi" {
			url = value
		}
	}
	p, err := admin.NewClient(url, nil).Dataplane(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	killed.Kill()
	if len(namespaces(t, p.Sandbox)) == 0 {
		t.Fatal("a killed simulator has left nothing to remove")
	}
	o := options()
	o.Dataplane = true
	_, stop := run(t, o)
	if left := namespaces(t, p.Sandbox); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
}

func TestDataplaneTakesRoot(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("this test is for other users than root")
	}
	o := options()
	o.Dataplane = true
	if err := Run(t.Context(), o, os.Stdout); !errors.Is(err, sandbox.ErrUnsupported) {
		t.Errorf("started: %v", err)
	}
}
