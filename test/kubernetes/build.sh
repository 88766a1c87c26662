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

mkdir -p "$out/.stamp"
out=$(CDPATH='' cd -- "$out" && pwd)
cd "$here"

# No cgo: the programs must run on any Linux, and need no C compiler to build.
CGO_ENABLED=0
GOWORK=off
export CGO_ENABLED GOWORK

[ $# -gt 0 ] || set -- etcd kube-apiserver kube-controller-manager kube-scheduler kubectl kubelet kube-proxy

version=$(awk '$1 == "k8s.io/kubernetes" { print $2; exit }' go.mod)
major=$(printf '%s' "${version#v}" | cut -d. -f1)
minor=$(printf '%s' "${version#v}" | cut -d. -f2)
# Without these the programs call themselves v0.0.0, and clients that look at
# the server's version misbehave.
ldflags="-s -w"
for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
	ldflags="$ldflags -X $package.gitVersion=$version -X $package.gitMajor=$major -X $package.gitMinor=$minor -X $package.gitTreeState=clean"
done

stamp=$({
	cat go.mod go.sum
	"$go" version
	printf '%s\n' "$ldflags"
} | sha256sum | cut -d' ' -f1)

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

elapsed() {
	now=$(date +%s)
	printf '%dm%02ds' $(((now - $1) / 60)) $(((now - $1) % 60))
}

work=
builder=
cleanup() {
	if [ -n "$builder" ]; then
		kill "$builder" 2>/dev/null || true
		wait "$builder" 2>/dev/null || true
	fi
	[ -z "$work" ] || rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
work=$(mktemp -d)

# build compiles one program, and tells every ten seconds how far it is: the
# first one compiles some two thousand packages and would look stuck otherwise.
build() {
	name=$1
	package=$(package_of "$name")
	begin=$(date +%s)
	next=$((begin + 10))
	log=$work/$name.log
	echo "$name: building $package"
	"$go" build -v -buildvcs=false -ldflags "$ldflags" -o "$work/$name" "$package" >"$log" 2>&1 &
	builder=$!
	while kill -0 "$builder" 2>/dev/null; do
		sleep 1
		if [ "$(date +%s)" -ge "$next" ]; then
			next=$(($(date +%s) + 10))
			fetched=$(grep -c '^go: downloading' "$log" || true)
			compiled=$(grep -vc '^go: ' "$log" || true)
			echo "$name: $(elapsed "$begin"), $fetched modules fetched, $compiled packages compiled, now $(tail -n 1 "$log")"
		fi
	done
	if ! wait "$builder"; then
		builder=
		echo "$name: the build failed after $(elapsed "$begin"):" >&2
		tail -n 30 "$log" >&2
		exit 1
	fi
	builder=
	# A rename, so that a running test never sees half a program.
	cp "$work/$name" "$out/.$name.new"
	rm -f "$work/$name"
	mv "$out/.$name.new" "$out/$name"
	echo "$stamp" >"$out/.stamp/$name"
	echo "$name: built in $(elapsed "$begin"), $(($(wc -c <"$out/$name") / 1000000)) MB"
}

for name in "$@"; do
	package_of "$name" >/dev/null
done
for name in "$@"; do
	if [ -x "$out/$name" ] && [ "$(cat "$out/.stamp/$name" 2>/dev/null)" = "$stamp" ]; then
		echo "$name: up to date"
		continue
	fi
	build "$name"
done
