//go:build !nightly

package hostroutes

import "time"

// What the nightly tests have more of.
const (
	// away is how long the API server is away.
	away = 5 * time.Second
	// many is how many Nodes there are.
	many = 500
)
