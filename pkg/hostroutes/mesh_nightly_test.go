//go:build nightly

package hostroutes

import "testing"

func TestMeshOfTwoHundred(t *testing.T) { mesh(t, 200) }
