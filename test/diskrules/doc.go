// Package diskrules is a witness of what a controller asks of a region's disks. It
// reads each call out of the simulator's journal the moment that it arrives, looks
// at the region and at Kubernetes, and fails the test for a call that could cost
// somebody data: whatever else the test is about, and whatever becomes of the call.
package diskrules
