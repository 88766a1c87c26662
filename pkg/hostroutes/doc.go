// Package hostroutes keeps the routes to other Nodes' Pods in a host's own route
// table, where the VPC's route tables are not used for that. A route is ours when
// it carries our protocol number; routes of others are never changed.
package hostroutes
