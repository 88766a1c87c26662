// Package fabric builds the network of a region out of network namespaces: a
// router per VPC with a bridge per vSwitch, a namespace per server, an internet
// with a client in it.
//
// Everything between two servers goes through the router's IP layer, as in the
// real VPC: the ports of a bridge do not reach each other, and the router answers
// ARP for all addresses of the vSwitch. The packets of a vSwitch follow the
// kernel's table of its route table; what has no route there is lost.
//
// In a router, load balancers' addresses and 100.64.0.0/10 are local, and what is
// done to packets by DNAT is undone there, as the router is every server's
// gateway. Packets of such connections do not follow the vSwitches' route tables
// but the main table, which has the VPC's system table and a way to the internet.
package fabric
