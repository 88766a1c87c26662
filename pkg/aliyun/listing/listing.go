// Package listing reads lists of the cloud's API completely or not at all: a
// page that contradicts the others, a token that comes back, an empty page in
// the middle and an answer without a request ID are errors, never a short list.
package listing

import (
	"fmt"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
)

// Source names the call that a list comes from, for its errors.
type Source struct {
	Product, Action string
}

// partial is the error for an answer that cannot be the whole list.
func (s Source) partial(requestID, format string, args ...any) error {
	return &apierror.Error{
		Product: s.Product, Action: s.Action, RequestID: requestID, Kind: apierror.Unavailable,
		Message: "partial listing: " + fmt.Sprintf(format, args...),
	}
}

// Check returns an error when an answer carries no request ID: every real
// answer has one, an empty or foreign body has not, and either would otherwise
// read as an empty list.
func (s Source) Check(requestID string) error {
	if requestID == "" {
		return s.partial("", "the answer has no request ID")
	}
	return nil
}
