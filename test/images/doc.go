// Package images makes the container images that tests run on simulated servers
// out of static Go programs of this repository: no registry is asked for any.
package images
