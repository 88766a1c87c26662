// Package balance makes the load balancers of a region real in the network
// namespace of a VPC's router, where their addresses are local.
//
// Layer 4 (TCP and UDP) is the kernel's: nftables chooses a backend for a new
// connection and rewrites its destination alone, so that backends see the client's
// address; as the router is their gateway, answers come back through it. Layer 7
// and the PROXY protocol are proxies in this process with sockets in the
// namespace. Health checks and proxies reach backends from 100.64.0.0/16, a part
// of the range that the real thing uses.
//
// As documented for Classic Load Balancer: an access control list without entries
// lets everybody in; weight 0 and failed health checks keep new connections away
// and leave established ones alone; a check has failed after unhealthy threshold ×
// time-out + (unhealthy threshold - 1) × interval; HTTP checks are of HTTP/1.0; a
// backend cannot be a client of its own layer-4 load balancer (the connection gets
// no answer).
//
// The documentation is silent on the following, so these are choices, not facts:
// without a backend to choose, layer 4 refuses (TCP reset, ICMP port unreachable)
// and layer 7 answers 503; a backend gets nothing before its first verdict;
// connections of a removed backend are cut at once where drain is off, and those of
// a failed one go on, but for UDP conversations, which move on; with drain on both
// have the drain time; clients that an access control list keeps out get no answer;
// redirects are of status 302; a server's own cookie gets the backend's name put
// before its value and taken off again; each UDP datagram has a PROXY header.
package balance
