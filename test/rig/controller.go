package rig

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/process"
)

// replicaNumber makes log files distinct.
var replicaNumber atomic.Int64

// Controller is a replica of aliyun-controller.
type Controller struct {
	rig     *Rig
	process *process.Process
	port    int
	// Log is the path of its log.
	Log string
}

// ControllerConfig is how a replica is started.
type ControllerConfig struct {
	// Command is the subcommand, none for the controller itself.
	Command []string
	// Args come after the usual ones, so they win.
	Args []string
	// Env is added to the environment; it replaces the usual access key when NoKey is set.
	Env   []string
	NoKey bool
}

// StartController starts a replica with arguments after the usual ones.
func (r *Rig) StartController(args ...string) *Controller {
	r.T.Helper()
	return r.StartControllerWith(ControllerConfig{Args: args})
}

// StartControllerWith starts a replica.
func (r *Rig) StartControllerWith(config ControllerConfig) *Controller {
	r.T.Helper()
	port := freePort(r.T.Context(), r)
	c := &Controller{rig: r, port: port, Log: filepath.Join(r.dir, fmt.Sprintf("controller-%d.log", replicaNumber.Add(1)))}
	env := config.Env
	if !config.NoKey {
		env = append([]string{"ALIYUN_ACCESS_KEY=" + r.Sim.AccessKeyID, "ALIYUN_ACCESS_KEY_SECRET=" + r.Sim.AccessKeySecret}, env...)
	}
	p, err := process.Start(r.T.Context(), process.Program{
		Name: "aliyun-controller", Binary: binary(r.T), Log: c.Log, Env: env, Args: slices.Concat(config.Command, r.Args(port), config.Args),
	})
	if err != nil {
		r.T.Fatal(err)
	}
	c.process = p
	r.replicas = append(r.replicas, c)
	return c
}

// Args are the usual arguments of a replica that serves on port.
func (r *Rig) Args(port int) []string {
	args := []string{
		"--kubeconfig=" + r.kubeconfig, "--secure-port=" + strconv.Itoa(port), "--bind-address=127.0.0.1",
		"--authentication-kubeconfig=" + r.kubeconfig, "--authorization-kubeconfig=" + r.kubeconfig,
		"--region=cn-hangzhou", "--vpc=" + r.VPC(), "--metadata-endpoint=none", "--cluster-cidr=10.244.0.0/16", "-v=4",
	}
	for _, product := range []string{"ecs", "vpc", "slb", "sts"} {
		args = append(args, "--"+product+"-endpoint=http://"+r.Sim.Endpoint())
	}
	return args
}

// PID is the process id.
func (c *Controller) PID() int { return c.process.PID() }

// Kill ends the replica as a power cut does, and waits until it is gone.
func (c *Controller) Kill() {
	_ = c.process.Signal(syscall.SIGKILL)
	<-c.process.Done()
}

// Terminate asks the replica to stop, and returns how long that took.
func (c *Controller) Terminate() time.Duration {
	c.rig.T.Helper()
	start := time.Now()
	if err := c.process.Signal(syscall.SIGTERM); err != nil {
		c.rig.T.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(c.rig.T.Context(), 20*time.Second)
	defer cancel()
	if err := c.process.Wait(ctx); err != nil {
		c.rig.T.Fatalf("%v\n%s", err, c.Tail(40))
	}
	return time.Since(start)
}

// Freeze stops the process where it stands.
func (c *Controller) Freeze() {
	c.rig.T.Helper()
	if err := c.process.Signal(syscall.SIGSTOP); err != nil {
		c.rig.T.Fatal(err)
	}
}

// Thaw lets a frozen process go on.
func (c *Controller) Thaw() {
	c.rig.T.Helper()
	if err := c.process.Signal(syscall.SIGCONT); err != nil {
		c.rig.T.Fatal(err)
	}
}

// Ended says how the process ended, or "" while it runs.
func (c *Controller) Ended() string { return c.process.Ended() }

// Wait waits until the process has ended by itself.
func (c *Controller) Wait(limit time.Duration) {
	c.rig.T.Helper()
	ctx, cancel := context.WithTimeout(c.rig.T.Context(), limit)
	defer cancel()
	if err := c.process.Wait(ctx); err != nil {
		c.rig.T.Fatalf("%v\n%s", err, c.Tail(40))
	}
}

// Get asks the replica's secure port for a path, without credentials.
func (c *Controller) Get(path string) (status int, body string) { return c.GetAs(path, "") }

// GetAs asks the replica's secure port for a path with a bearer token.
func (c *Controller) GetAs(path, token string) (status int, body string) {
	client := &http.Client{
		Timeout:   2 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}, // #nosec G402 -- a certificate made at start-up, on loopback
	}
	url := "https://127.0.0.1:" + strconv.Itoa(c.port) + path
	request, err := http.NewRequestWithContext(c.rig.T.Context(), http.MethodGet, url, nil)
	if err != nil {
		return 0, err.Error()
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err.Error()
	}
	return response.StatusCode, string(content)
}

// WaitReady waits until /readyz says so.
func (c *Controller) WaitReady() {
	c.rig.T.Helper()
	c.rig.Eventually(30*time.Second, "the replica is ready", func() (bool, string) {
		if ended := c.Ended(); ended != "" {
			c.rig.T.Fatalf("the replica has ended: %s\n%s", ended, c.Tail(40))
		}
		status, body := c.Get("/readyz")
		return status == http.StatusOK, body
	})
}

// Output is everything the replica has printed.
func (c *Controller) Output() string {
	content, err := os.ReadFile(c.Log)
	if err != nil {
		return err.Error()
	}
	return string(content)
}

// Tail is the end of what the replica has printed.
func (c *Controller) Tail(lines int) string {
	all := strings.Split(strings.TrimRight(c.Output(), "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

func freePort(ctx context.Context, r *Rig) int {
	r.T.Helper()
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		r.T.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	address, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		r.T.Fatalf("%v is no TCP address", l.Addr())
	}
	return address.Port
}
