// Package naive is what the benchmarks compare with: the cloud provider that one
// would write first, on the framework's stock controllers. Nobody should run it.
//
// It stands for doing each thing when it is asked for, and nothing else:
//
//   - A Node's metadata is one DescribeInstances; so are its existence and its
//     state.
//   - A route is one look-up of the server's interface, one switch of its
//     source/destination check, one CreateRouteEntries with one entry, and a wait.
//     Routes are listed whenever the route controller asks, every 10 s.
//   - A load balancer is found by its tags, described with its listeners and
//     groups at each sync, and has one vServer group for each port, filled 20
//     servers a call. Nothing is remembered, nothing shared between calls.
//   - Controllers, workers, timers, client limits and the election are the
//     framework's defaults.
//
// It is honest in these respects: the end state is as good as that of
// aliyun-controller (Pod traffic passes, load balancers are protected and
// tagged), the calls go through the same transport with the same retries, and
// it takes a lock where the API is known to refuse a second writer. It leaves
// out what costs aliyun-controller calls beyond that: it does not wait for
// listeners to run, finds no drift and no orphans, and checks no ownership. It
// is not the vendor's controller, whose figures are quoted beside it.
package naive
