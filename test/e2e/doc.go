// Package e2e uses what aliyun-controller makes: Pods reach each other through the
// region's route tables, and a client on the internet reaches Services through load
// balancers, while nodes, Pods and the controller come and go. Everything is real
// but the cloud; see package stage. It takes root.
package e2e
