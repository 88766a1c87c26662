// Package tally counts the calls that a controller makes to the simulated cloud,
// by the rules of the budgets:
//
//   - A call that was refused because its object was busy, or throttled, or whose
//     reply was lost, is a retry's first half: it is counted apart (Refused).
//   - A read that waits for an asynchronous state is counted apart (Waiting). Such
//     are DescribeLoadBalancerListeners of a load balancer that has a listener on
//     its way to running, and DescribeRouteEntryList of a route table that has
//     entries on their way to Available or to be gone. An object is on its way
//     from the call that set it off until a read that began after the time it
//     takes. There may be one such read a second for each ten load balancers, or
//     for each route table; Allowance says how many that makes.
//   - Everything else is work (Work).
package tally
