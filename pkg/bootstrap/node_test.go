package bootstrap

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// metadataService answers as Alibaba Cloud's does, and after a while as it should.
type metadataService struct {
	mu sync.Mutex
	// tokens tells that it gives tokens; hardened that it answers nobody without.
	tokens, hardened bool
	// bad are answers for instance-id before the right one.
	bad     []string
	entries map[string]string
}

func (s *metadataService) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if request.Method == http.MethodPut {
		if !s.tokens || request.Header.Get("X-aliyun-ecs-metadata-token-ttl-seconds") == "" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_, _ = w.Write([]byte("T1"))
		return
	}
	if s.hardened && request.Header.Get("X-aliyun-ecs-metadata-token") != "T1" {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	if strings.HasSuffix(request.URL.Path, "/instance-id") && len(s.bad) > 0 {
		_, _ = w.Write([]byte(s.bad[0]))
		s.bad = s.bad[1:]
		return
	}
	_, _ = w.Write([]byte(s.entries[strings.TrimPrefix(request.URL.Path, "/latest/meta-data/")]))
}

// nodeEnv runs node-env against a service until it ends, or for a while.
func nodeEnv(t *testing.T, service *metadataService, plain bool, within time.Duration) (env string, ended bool) {
	t.Helper()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("this machine has no curl")
	}
	service.entries = map[string]string{"region-id": "cn-hangzhou", "instance-id": "i-bp1abc", "private-ipv4": nodeServer}
	server := httptest.NewServer(service)
	t.Cleanup(server.Close)
	c := example(t)
	c.PlainMetadata = plain
	dir := t.TempDir()
	script := content(t, setup(t, c, nodeServer), "/etc/kube-aliyun/node-env")
	for from, to := range map[string]string{
		"base=http://100.100.100.200/latest": "base=" + server.URL + "/latest", "dir=/run/kube-aliyun": "dir=" + dir, "sleep 2": "sleep 0.1",
	} {
		if !strings.Contains(script, from) {
			t.Fatalf("the script has no %s", from)
		}
		script = strings.Replace(script, from, to, 1)
	}
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	command := exec.CommandContext(ctx, "sh", put(t, dir, "node-env", script, 0o755))
	command.WaitDelay = time.Second
	err := command.Run()
	written, _ := os.ReadFile(dir + "/node.env")
	return string(written), err == nil
}

const wantEnv = "PROVIDER_ID=cn-hangzhou.i-bp1abc\nNODE_IP=" + nodeServer + "\n"

func TestR32ProviderIDIsAskedWithATokenUntilItIsTold(t *testing.T) {
	service := &metadataService{tokens: true, hardened: true, bad: []string{"", "<html>log in</html>", "two words"}}
	if env, ended := nodeEnv(t, service, false, time.Minute); env != wantEnv || !ended {
		t.Errorf("got %q, ended: %v", env, ended)
	}
	if len(service.bad) > 0 {
		t.Errorf("it did not ask again: %v", service.bad)
	}
}

func TestR32PlainMetadataIsBelievedOnlyWhereAllowed(t *testing.T) {
	if env, _ := nodeEnv(t, &metadataService{}, false, 2*time.Second); env != "" {
		t.Errorf("without a token: %q", env)
	}
	if env, _ := nodeEnv(t, &metadataService{}, true, time.Minute); env != wantEnv {
		t.Errorf("got %q", env)
	}
}

func TestR32KubeletWaitsForTheProviderID(t *testing.T) {
	unit := content(t, setup(t, example(t), nodeServer), "/etc/systemd/system/kubelet.service")
	for _, line := range []string{"Requires=kube-aliyun-node.service\n", "EnvironmentFile=/run/kube-aliyun/node.env\n", "--provider-id $PROVIDER_ID\n"} {
		if !strings.Contains(unit, line) {
			t.Errorf("the unit has no %s", line)
		}
	}
}
