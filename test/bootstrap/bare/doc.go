// Package bare has servers with nothing on them: each a network namespace of the
// simulated region with a file system of its own. What they become is in their
// user-data alone, which is applied as cloud-init does; units run as systemd runs
// them, as far as ours need it.
package bare
