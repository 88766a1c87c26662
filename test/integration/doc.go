// Package integration holds tests that need everything: a real control plane,
// the simulated region over HTTP, and aliyun-controller as a process.
package integration
