// Package plan decides which routes a host should have, and by which steps it
// comes to have them. It talks to nobody: Nodes, the host's addresses and its
// routes are values, and so are the answers.
package plan
