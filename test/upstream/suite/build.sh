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

mkdir -p "$out"
out=$(CDPATH='' cd -- "$out" && pwd)
cd "$here"
. ../../kubernetes/compile.sh

# Not vetted: that takes as long as the build.
compile e2e.test k8s.io/kubernetes/test/e2e "$go" test -c -vet=off
compile agnhost k8s.io/kubernetes/test/images/agnhost "$go" build -v
