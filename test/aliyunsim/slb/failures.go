package slb

import (
	"net/http"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// badToken is the code for a NextToken that is malformed or of another query.
const badToken = "InvalidParameter.NextToken"

func refuse(code, format string, args ...any) *api.Error {
	return api.Errorf(http.StatusBadRequest, code, format, args...)
}

func invalid(format string, args ...any) *api.Error {
	return refuse("InvalidParameter", format, args...)
}

func noLoadBalancer() *api.Error {
	return api.Errorf(http.StatusNotFound, "InvalidLoadBalancerId.NotFound", "The specified LoadBalancerId does not exist.")
}

func noListener() *api.Error {
	return invalid("The specified resource does not exist.")
}

// noGroup is what server-group calls answer: InvalidParameter with status 404.
// Listener calls that name a missing group answer ResourceNotFound.VServerGroup.
func noGroup() *api.Error {
	return api.Errorf(http.StatusNotFound, "InvalidParameter", "The specified VServerGroupId does not exist.")
}

func noGroupToBind() *api.Error {
	return refuse("ResourceNotFound.VServerGroup", "The specified VServerGroup does not exist.")
}
