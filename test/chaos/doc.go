// Package chaos holds the tests that break things: the controller is killed at
// each of its calls, frozen, starved of answers and throttled, on a real control
// plane and a simulated region. The long tables are built with the tag nightly.
package chaos
