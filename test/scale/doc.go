// Package scale holds the benchmarks: call counts and times of aliyun-controller
// beside those of the naive provider (package naive), in the same run, on the
// same machine, against the same simulated region. `make bench` runs them; they
// are built with the tag "bench".
package scale
