package transport

import (
	"fmt"
	"maps"
	"time"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
)

// operation is one call on its way through the pipeline.
type operation struct {
	call    Call
	product Product
	action  string
	// query and form are what the caller had put into the request by hand.
	query, form map[string]string
	attempt     int
	// busy is when the API first answered that the object is busy.
	busySince time.Time
	busyTries int
	// rekeyed: the call was repeated once with fresh credentials already.
	rekeyed bool
	// sent: some attempt may have been executed, whatever the last one says.
	sent bool
}

func newOperation(call Call) *operation {
	op := &operation{
		call: call, product: call.Product, action: call.Request.GetActionName(),
		query: maps.Clone(call.Request.GetQueryParams()),
		form:  maps.Clone(call.Request.GetFormParams()),
	}
	if op.product == "" {
		op.product = Product(call.Request.GetProduct())
	}
	return op
}

// failure returns the error of an operation that got no answer.
func (op *operation) failure(err error) *apierror.Error {
	return &apierror.Error{
		Product: string(op.product), Action: op.action, Kind: apierror.Unavailable, Err: err,
	}
}

// params returns the business parameters of the request as it was sent.
func (op *operation) params() map[string]string {
	out := make(map[string]string)
	for _, m := range []map[string]string{op.call.Request.GetQueryParams(), op.call.Request.GetFormParams()} {
		for name, value := range m {
			if !hiddenParams[name] {
				out[name] = value
			}
		}
	}
	return out
}

// hiddenParams are the parameters that are secret or the same in every call.
var hiddenParams = map[string]bool{
	"AccessKeyId": true, "SecurityToken": true, "Signature": true, "SignatureMethod": true,
	"SignatureNonce": true, "SignatureType": true, "SignatureVersion": true, "BearerToken": true,
	"Timestamp": true, "Format": true, "Version": true, "Action": true,
	"PrivateKey": true, "OIDCToken": true,
}

func (op *operation) String() string { return fmt.Sprintf("%s.%s", op.product, op.action) }
