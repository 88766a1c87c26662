#!/bin/sh
# Builds etcd and the programs of a Kubernetes cluster out of the Go module proxy
# into bin/kubernetes, where test/cluster and envtest find them.
#
#   build.sh [FOLDER]                     control plane, nodes and kubectl
#   build.sh [FOLDER] kubelet kube-proxy  these programs only
#
# FOLDER holds a slash; without it the programs go to the repository's
# bin/kubernetes. GO names the go command.
#
# A program whose stamp (go.mod, go.sum, Go version, flags) is unchanged is not
# built again. A cold build takes about twelve minutes on two cores, of which the
# programs of nodes take a minute: most of their packages are the others' too.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
out=$here/../../bin/kubernetes
case ${1:-} in
*/*)
	out=$1
	shift
	;;
esac
go=${GO:-go}

mkdir -p "$out"
out=$(CDPATH='' cd -- "$out" && pwd)
cd "$here"
. ./compile.sh

[ $# -gt 0 ] || set -- etcd kube-apiserver kube-controller-manager kube-scheduler kubectl kubelet kube-proxy

package_of() {
	case $1 in
	etcd) echo go.etcd.io/etcd/server/v3 ;;
	kube-apiserver | kube-controller-manager | kube-scheduler | kube-proxy | kubectl | kubelet)
		echo "k8s.io/kubernetes/cmd/$1"
		;;
	*)
		echo "build.sh: unknown program '$1'" >&2
		return 1
		;;
	esac
}

for name in "$@"; do
	package_of "$name" >/dev/null
done
for name in "$@"; do
	compile "$name" "$(package_of "$name")" "$go" build -v
done
