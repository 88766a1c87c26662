package flexvolume

import (
	"encoding/json"
	"io"
)

// Kubernetes compares these exactly.
const (
	statusSuccess      = "Success"
	statusFailure      = "Failure"
	statusNotSupported = "Not supported"
)

// reply is what a call prints, DriverStatus of k8s.io/kubernetes/pkg/volume/flexvolume.
type reply struct {
	Status  string `json:"status"`
	Message string `json:"message,omitempty"`
	Device  string `json:"device,omitempty"`
	// Attached is explicit in the answer to isattached: missing means false there.
	Attached *bool `json:"attached,omitempty"`
	// Capabilities may be left out, but a null here ends kubelet.
	Capabilities *capabilities `json:"capabilities,omitempty"`
}

type capabilities struct {
	Attach           bool `json:"attach"`
	SELinuxRelabel   bool `json:"selinuxRelabel"`
	SupportsMetrics  bool `json:"supportsMetrics"`
	FSGroup          bool `json:"fsGroup"`
	RequiresFSResize bool `json:"requiresFSResize"`
}

func failure(err error) reply { return reply{Status: statusFailure, Message: err.Error()} }

// notSupported makes the caller use its default from now on.
func notSupported() reply { return reply{Status: statusNotSupported} }

// write prints the reply and returns the process's exit status.
func (r reply) write(out io.Writer) int {
	line, err := json.Marshal(r)
	if err != nil {
		line = []byte(`{"status":"Failure","message":"the reply could not be encoded"}`)
	}
	if _, err := out.Write(append(line, '\n')); err != nil || r.Status != statusSuccess {
		return 1
	}
	return 0
}
