//go:build !race

package rig

// raceDetector says that this test binary has no race detector.
const raceDetector = false
