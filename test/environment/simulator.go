package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/admin"
)

// startLimit bounds the start of one program.
const startLimit = time.Minute

// The only keys that the region knows.
const (
	accessKey       = "test-key"
	accessKeySecret = "test-secret"
)

// startSimulator starts the region and waits until it answers.
func (s *starter) startSimulator(ctx context.Context) error {
	if err := os.WriteFile(s.seed(), []byte(seed(s.record.Nodes)), 0o600); err != nil {
		return fmt.Errorf("writing the region's seed: %w", err)
	}
	const name = "aliyun-sim"
	p, err := s.launch(ctx, name, s.binary(name), "--addresses-file="+s.addresses(), "", "--seed="+s.seed(), "--listen=127.0.0.1:0")
	if err != nil {
		return err
	}
	what := fmt.Sprintf("the simulated region %s runs, with %d servers", regionName, s.record.Nodes)
	if err := s.await(ctx, p, name, what, s.simulatorAnswers); err != nil {
		return err
	}
	s.record.Processes[len(s.record.Processes)-1].URL = s.record.SimulatorURL
	return s.save(s.record)
}

func (s *starter) simulatorAnswers(ctx context.Context) (string, error) {
	content, err := os.ReadFile(s.addresses())
	if errors.Is(err, fs.ErrNotExist) {
		return "it does not listen yet", nil
	}
	if err != nil {
		return "", fmt.Errorf("reading the simulator's addresses: %w", err)
	}
	var urls struct {
		OpenAPI string `json:"openapi"`
	}
	if err := json.Unmarshal(content, &urls); err != nil {
		return "", fmt.Errorf("reading the simulator's addresses: %w", err)
	}
	s.record.SimulatorURL, s.region = urls.OpenAPI, admin.NewClient(urls.OpenAPI, nil)
	return "", s.region.Healthy(ctx)
}
