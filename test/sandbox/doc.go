// Package sandbox makes what tests and the simulated region need of a Linux
// kernel as root: network namespaces, control groups, a folder whose mounts may
// come and go. All of it carries the sandbox's id, so that it can be removed as
// a whole: by its owner, or, when the owner was killed, by whoever opens the
// next sandbox on the machine. Two of them never meet.
package sandbox
