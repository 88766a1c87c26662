#!/usr/bin/env bash
# Runs each fuzz test for a while: fuzz.sh SECONDS. A failure leaves its input in
# the package's testdata/fuzz, where `go test` tries it from then on.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:?how many seconds for each}

grep -rl --include='*_test.go' '^func Fuzz' cmd pkg test | sort | while read -r file; do
  sed -n 's/^func \(Fuzz[A-Za-z0-9]*\)(.*/\1/p' "$file" | while read -r target; do
    echo "--- $(dirname "$file") $target"
    "${GO:-go}" test -run '^$' -fuzz "^$target\$" -fuzztime "${seconds}s" "./$(dirname "$file")" </dev/null
  done
done
