package stage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/admin"
	"github.com/kube-aliyun/kube-aliyun/test/process"
)

// Region is the region's name.
const (
	Region   = "cn-hangzhou"
	vpcID    = "vpc-stage"
	masterID = "i-master"
)

const (
	// ControllerKey is the controller's access key.
	ControllerKey = "test-controller"
	// ControllerSecret belongs to ControllerKey.
	ControllerSecret = "test-controller-secret" // #nosec G101 -- the simulated region's
	// OperatorKey is that of who changes the region by hand.
	OperatorKey = "test-operator"
	// OperatorSecret belongs to OperatorKey.
	OperatorSecret = "test-operator-secret" // #nosec G101 -- the simulated region's
)

// simulatorTimeout is for its start, and for its end.
const simulatorTimeout = 30 * time.Second

var (
	errSimulator = errors.New("aliyun-sim does not run")
	errNoServer  = errors.New("the region has no such server")
)

// startSimulator starts the region and finds out where its servers are.
func (s *Stage) startSimulator(ctx context.Context) error {
	dir := s.sandbox.Dir()
	seedFile, addresses := filepath.Join(dir, "region.yaml"), filepath.Join(dir, "addresses.json")
	content, err := yaml.Marshal(s.options.seed())
	if err != nil {
		return fmt.Errorf("writing the region's seed: %w", err)
	}
	if err := os.WriteFile(seedFile, content, 0o600); err != nil {
		return fmt.Errorf("writing the region's seed: %w", err)
	}
	s.simulator, err = process.Start(ctx, process.Program{
		Name: "aliyun-sim", Binary: s.options.Simulator, Log: s.simulatorLog(),
		Args: []string{"--dataplane", "--seed=" + seedFile, "--listen=127.0.0.1:0", "--addresses-file=" + addresses},
	})
	if err != nil {
		return err
	}
	starting, cancel := context.WithTimeout(ctx, simulatorTimeout)
	defer cancel()
	err = poll(starting, func(ctx context.Context) error {
		if how := s.simulator.Ended(); how != "" {
			return &hopelessError{fmt.Errorf("%w: %s", errSimulator, how)}
		}
		return s.connect(ctx, addresses)
	})
	if err != nil {
		output, _ := os.ReadFile(s.simulatorLog())
		return fmt.Errorf("%w\n%s", err, output)
	}
	plane, err := s.region.Dataplane(ctx)
	if err != nil {
		return fmt.Errorf("the region's network: %w", err)
	}
	s.internet = placeOf(plane.Client)
	ids := []string{masterID}
	for i := range s.options.Workers {
		ids = append(ids, workerID(i))
	}
	s.zones = s.options.Workers
	for _, id := range ids {
		place, found := plane.Servers[id]
		if !found {
			return fmt.Errorf("%s: %w", id, errNoServer)
		}
		s.servers = append(s.servers, &Server{Place: placeOf(place), ID: id})
	}
	s.logf("the region runs, with %d servers", len(ids))
	return nil
}

func (s *Stage) simulatorLog() string { return filepath.Join(s.sandbox.Dir(), "aliyun-sim.log") }

// connect reads where the simulator listens.
func (s *Stage) connect(ctx context.Context, addresses string) error {
	content, err := os.ReadFile(addresses) // #nosec G304 -- the stage's own
	if errors.Is(err, fs.ErrNotExist) {
		return errSimulator
	}
	if err != nil {
		return err
	}
	var urls struct {
		OpenAPI string `json:"openapi"`
	}
	if err := json.Unmarshal(content, &urls); err != nil {
		return fmt.Errorf("the simulator's addresses: %w", err)
	}
	s.url, s.region = urls.OpenAPI, admin.NewClient(urls.OpenAPI, nil)
	return s.region.Healthy(ctx)
}

// endSimulator asks it to end, so that it removes its network, and kills it else:
// the next sandbox then removes it.
func (s *Stage) endSimulator(ctx context.Context) error {
	if s.simulator == nil {
		return nil
	}
	ending, cancel := context.WithTimeout(ctx, simulatorTimeout)
	defer cancel()
	err := errors.Join(s.simulator.Signal(syscall.SIGTERM), s.simulator.Wait(ending))
	if err != nil {
		err = errors.Join(err, s.simulator.Signal(syscall.SIGKILL))
	}
	return err
}

// createServer makes another worker's server in the region.
func (s *Stage) createServer(ctx context.Context) (*Server, error) {
	s.mu.Lock()
	number := s.zones
	s.zones++
	s.mu.Unlock()
	id, err := s.region.CreateServer(ctx, s.options.server(number))
	if err != nil {
		return nil, fmt.Errorf("creating a server: %w", err)
	}
	plane, err := s.region.Dataplane(ctx)
	if err != nil {
		return nil, fmt.Errorf("the region's network: %w", err)
	}
	place, found := plane.Servers[id]
	if !found {
		return nil, fmt.Errorf("%s: %w", id, errNoServer)
	}
	return &Server{Place: placeOf(place), ID: id}, nil
}
