// Package stage sets up a cluster in which everything is real: a simulated region
// with a network that forwards, a control plane and kubelets on its servers, and
// aliyun-controller as a static Pod of the master, from the image and the manifest
// that are shipped.
//
// A stage goes with the process that started it. What a killed process has left is
// removed by the next stage of the machine. Stages do not meet: all names and ports
// are in namespaces of their own.
package stage
