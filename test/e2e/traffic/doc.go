// Package traffic asks a Service all the time, and tells what its users would have
// seen.
package traffic
