// Package slb simulates Classic Load Balancer (product Slb, version 2014-05-15):
// instances, listeners, server groups, tags and health, with the exclusivity,
// asynchrony, quotas and lags of the published API.
//
// # Exclusivity
//
// A mutation makes its load balancer busy until its reply (Call.Latency) and the
// knob LoadBalancerBusy longer; another one meanwhile gets a code of the published
// busy set, with its published HTTP status, or the knob BusyCode. Tag calls are
// kept by a service of their own: they neither wait nor make busy. A listener that
// is starting, configuring or stopping (knob ListenerTransition) answers
// OperationFailed.ListenerStatusNotSupport to Set, Start, Stop and Delete.
//
// # Choices where nothing is published
//
//   - A server in too many load balancers: BackendServerAttachedNumberOverLimit,
//     after the published BackEndServerNumberOverLimit for a full load balancer and
//     the name of the quota, slb_quota_backendserver_attached_num. The message
//     names the server. Both quotas count a server once per load balancer, whatever
//     the groups and ports; of interfaces, the first counts each address.
//   - Too many vServer groups: VServerGroupNumberOverLimit.
//   - A locked load balancer: OperationDenied.LoadBalancerLocked, also for tags.
//   - A missing backend is InvalidServerId.NotExist, one that does not run
//     ObtainIpFail, a missing interface ResourceNotFound.vServers (404).
//   - A backend of the other address family is IpVersionConflict, an IPv6 address
//     on an IPv4 load balancer OperationDeny.LbNotSupportIPv6Server (published).
//   - Adding a server that is in the default group already, and with the knob
//     StrictBackends to a vServer group: InvalidParameter.
//   - Start of a running and Stop of a stopped listener do nothing, or are refused
//     with the knob StrictListeners.
//   - DescribeLoadBalancerListeners leaves out load balancers that do not exist.
//   - VServerGroupId without VServerGroup=on has no effect in Set calls.
//   - HealthCheckConnectPort -520 in Set calls goes back to the backend port.
//   - An internet load balancer takes the VPC of its first backend.
//   - Charge types change at 00:00 UTC+8.
package slb
