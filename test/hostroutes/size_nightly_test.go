//go:build nightly

package hostroutes

import "time"

const (
	away = 10 * time.Minute
	many = 5000
)
