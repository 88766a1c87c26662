package loadbalancer

import (
	"flag"
	"os"
	"testing"

	"go.uber.org/goleak"
	"k8s.io/klog/v2"
)

// parallel is how many tests run at a time: they mostly wait.
const parallel = "8"

func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", parallel); err != nil {
		panic(err)
	}
	flags := flag.NewFlagSet("klog", flag.ContinueOnError)
	klog.InitFlags(flags)
	if os.Getenv("TEST_LOG") == "" {
		for name, value := range map[string]string{"logtostderr": "false", "stderrthreshold": "FATAL"} {
			if err := flags.Set(name, value); err != nil {
				panic(err)
			}
		}
		null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
		if err != nil {
			panic(err)
		}
		klog.SetOutput(null)
	} else if err := flags.Set("v", os.Getenv("TEST_LOG")); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}
