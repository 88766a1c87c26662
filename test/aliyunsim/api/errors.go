package api

import "errors"

// Failures of Network.Allocate.
var (
	ErrNoAddress = errors.New("no free address in the vSwitch")
	ErrAddress   = errors.New("address outside the vSwitch or taken")
)
