// Package api is the contract between the simulator's gateway, which speaks
// HTTP, and its products (ECS, VPC, SLB, STS), which hold state.
package api

import (
	"fmt"
	"net/http"
	"time"
)

// Product names a cloud product as the gateway dispatches it.
type Product string

// The products that the simulator knows.
const (
	ECS Product = "Ecs"
	VPC Product = "Vpc"
	SLB Product = "Slb"
	STS Product = "Sts"
)

// Call is one authenticated request on its way to a product.
type Call struct {
	Product   Product
	Action    string
	RegionID  string
	RequestID string
	// Now is the simulated time at which the call arrived.
	Now time.Time
	// Latency is how long after Now the reply will be sent. A product whose
	// objects are busy until the reply (SLB) uses it.
	Latency time.Duration
	Params  Params
	// Account is the account that the caller's key belongs to.
	Account string
	// Principal is the caller's ARN; products use it only to scope tokens.
	Principal string
}

// Error is a failure as the vendor's gateway reports it.
type Error struct {
	Status  int
	Code    string
	Message string
}

// Error implements error.
func (e *Error) Error() string {
	return fmt.Sprintf("%d %s: %s", e.Status, e.Code, e.Message)
}

// Errorf makes a failure with the given HTTP status and code.
func Errorf(status int, code, format string, args ...any) *Error {
	return &Error{Status: status, Code: code, Message: fmt.Sprintf(format, args...)}
}

// Missing is the failure for an absent required parameter.
func Missing(name string) *Error {
	return Errorf(http.StatusBadRequest, "MissingParameter",
		"The input parameter %q that is mandatory for processing this request is not supplied.", name)
}

// Invalid is the failure for a parameter with a bad value.
func Invalid(name, value string) *Error {
	return Errorf(http.StatusBadRequest, "InvalidParameter", "The specified parameter %s is not valid: %q.", name, value)
}

// Reply is the body of a success, without RequestId, which the gateway adds.
// Nesting follows the product's own shapes, e.g.
// Reply{"Instances": Reply{"Instance": []any{...}}}.
type Reply map[string]any

// Action is one operation of a product.
type Action struct {
	Product Product
	Name    string
	// Request is a pointer to the SDK's request struct; its tags give the legal
	// parameter names for strict mode. Nil where the SDK has no such action.
	Request any
	// Extra lists legal parameter names that the SDK's struct lacks.
	Extra []string
	// Required lists parameters whose absence the gateway refuses.
	Required []string
	// Mutating marks actions that change state; journal, faults and visibility use it.
	Mutating bool
	// Unsigned marks actions that carry no signature (AssumeRoleWithOIDC).
	Unsigned bool
	// Handle runs with the region's lock held: it sees and changes state
	// atomically and must not block. A failure must leave no trace.
	Handle func(*Call) (Reply, *Error)
}
