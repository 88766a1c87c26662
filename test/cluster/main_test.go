package cluster

import (
	"context"
	"fmt"
	"os"
	"testing"
)

// startVariable names the environment variable that makes this test binary
// start a control plane in the folder it holds, and then wait to be killed.
const (
	startVariable  = "KUBE_ALIYUN_TEST_START_IN"
	detachVariable = "KUBE_ALIYUN_TEST_DETACH"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(startVariable); dir != "" {
		startAndWait(dir)
	}
	Main(m)
}

func startAndWait(dir string) {
	_, err := Start(context.Background(), Options{Dir: dir, Detach: os.Getenv(detachVariable) != ""})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("ready")
	select {}
}
