// Package flexvolume runs the driver under Kubernetes' own FlexVolume package:
// kube-controller-manager's half on a master, and kubelet's half on servers whose
// disks are loop devices. Test names carry the numbers of the acceptance cases.
package flexvolume
