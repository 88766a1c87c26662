//go:build nightly

package chaos

import (
	"testing"

	"github.com/kube-aliyun/kube-aliyun/test/rig"
)

func TestDisksSurviveADeathBeforeEachChange(t *testing.T) {
	w := newWorld(t, rig.Options{Servers: 3})
	w.killAtEachDiskChange(unheard)
}
