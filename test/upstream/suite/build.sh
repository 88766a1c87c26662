#!/bin/sh
# Builds Kubernetes' end-to-end tests (e2e.test) and the program of their images
# (agnhost) out of the Go module proxy into bin/upstream, where test/upstream finds
# them.
#
#   build.sh [FOLDER]
#
# GO names the go command. What go.mod, go.sum, the Go version and the flags have
# not changed since is not built again. A cold build takes some fifteen minutes on
# two cores; most of it is shared with test/kubernetes.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
out=${1:-$here/../../../bin/upstream}
go=${GO:-go}

mkdir -p "$out/.stamp"
out=$(CDPATH='' cd -- "$out" && pwd)
cd "$here"

# No cgo: agnhost runs in images, and the compiled packages are test/kubernetes'.
CGO_ENABLED=0
GOWORK=off
export CGO_ENABLED GOWORK

version=$(awk '$1 == "require" && $2 == "k8s.io/kubernetes" { print $3; exit } $1 == "k8s.io/kubernetes" { print $2; exit }' go.mod)
major=$(printf '%s' "${version#v}" | cut -d. -f1)
minor=$(printf '%s' "${version#v}" | cut -d. -f2)
ldflags="-s -w"
for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
	ldflags="$ldflags -X $package.gitVersion=$version -X $package.gitMajor=$major -X $package.gitMinor=$minor -X $package.gitTreeState=clean"
done

stamp=$({
	cat go.mod go.sum
	"$go" version
	printf '%s\n' "$ldflags"
} | sha256sum | cut -d' ' -f1)

# build NAME PACKAGE COMMAND...: the go command writes the program.
build() {
	name=$1
	package=$2
	shift 2
	if [ -x "$out/$name" ] && [ "$(cat "$out/.stamp/$name" 2>/dev/null)" = "$stamp" ]; then
		echo "$name: up to date"
		return
	fi
	echo "$name: building, minutes the first time"
	begin=$(date +%s)
	"$@" -buildvcs=false -ldflags "$ldflags" -o "$out/.$name.new" "$package"
	mv "$out/.$name.new" "$out/$name"
	echo "$stamp" >"$out/.stamp/$name"
	echo "$name: built in $(($(date +%s) - begin)) s, $(($(wc -c <"$out/$name") / 1000000)) MB"
}

# Not vetted: that takes as long as the build.
build e2e.test k8s.io/kubernetes/test/e2e "$go" test -c -vet=off
build agnhost k8s.io/kubernetes/test/images/agnhost "$go" build
