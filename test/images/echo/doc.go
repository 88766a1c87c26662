// Package echo is what the network-test image does, and how a test reads it: every
// request, line or datagram is answered with who asked, as the server sees it, and
// who answers.
package echo
