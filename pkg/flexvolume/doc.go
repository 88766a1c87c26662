// Package flexvolume is the FlexVolume driver aliyun/flexv: arguments and JSON
// in, one JSON object out, a process for each call.
//
// Attach, detach and isattached are asked of the controller over the volume
// socket of the master, so that the driver holds no credentials and knows no
// cloud. The rest happens on the server where the Pod runs: the block device is
// found by its serial, checked, formatted if it is blank, and mounted.
//
// The contract is that of k8s.io/kubernetes/pkg/volume/flexvolume: standard
// output and standard error together are one JSON object, "Not supported" is
// remembered by the caller and therefore only said of calls that the driver never
// has, and no call but waitforattach is bounded by its caller.
package flexvolume
