package main

import (
	"fmt"
	"os"
	"strings"
)

// isolate takes out of this process's environment, which its programs inherit,
// what would point them at another cloud or another cluster.
func isolate() error {
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		if !foreign(name) {
			continue
		}
		if err := os.Unsetenv(name); err != nil {
			return fmt.Errorf("unsetting %s: %w", name, err)
		}
	}
	return nil
}

func foreign(name string) bool {
	switch name {
	case "KUBECONFIG", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy":
		return true
	default:
		return strings.HasPrefix(name, "ALIYUN_") || strings.HasPrefix(name, "ALIBABA_CLOUD_") || strings.HasSuffix(name, "_ENDPOINT")
	}
}
