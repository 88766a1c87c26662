//go:build race

package rig

// raceDetector says that this test binary has the race detector, so the
// controller gets it too.
const raceDetector = true
