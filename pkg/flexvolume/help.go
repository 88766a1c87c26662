package flexvolume

import "github.com/kube-aliyun/kube-aliyun/pkg/volumesocket/wire"

// Help is for people who run the driver by hand.
const Help = `aliyun-flexv is the FlexVolume driver ` + Name + `. It is not run by hand: kubelet and
kube-controller-manager find it as

  ` + DefaultPlugins + `/aliyun~flexv/flexv

and run it once for each call. It needs no configuration and no credentials.

  --install=DIR     put this program there, DIR being the plugin directory, while
                    Kubernetes may be running the one that is there
  --uninstall=DIR   remove it again, if no volume of it is on this node
  --kubelet-dir=DIR where --uninstall looks for volumes (/var/lib/kubelet)
  --socket-dir=DIR  make the folder of the volume socket, for the user --owner=UID
                    of aliyun-controller
  --stay            then wait for SIGTERM, as the container of a DaemonSet must
  --version         print the version
  --test            exit with 0, as a program that was copied whole
  --help            print this

Options of a volume:

  diskId      id of the disk, such as d-2ze0example0000000 (or volumeId)
  flags       mount options, such as noatime,nodiratime
  mkfsOptions options of mkfs for a blank disk, such as -i 8192

Environment:

  ` + SocketVariable + `  path of the volume socket (` + wire.DefaultSocket + `)
  ` + LogVariable + `     path of the log (` + DefaultLog + `), or off
  ` + DebugVariable + `         set to write every step into the log

By hand, this tells how the driver answers:

  aliyun-flexv init
  aliyun-flexv detach some-volume some-node
`
