#!/usr/bin/env bash
# Starts aliyun-sim on loopback, checks it with npm's @alicloud/pop-core, and
# stops it. Needs go, node and npm.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
work=$(mktemp -d)
sim=""
finish() {
  if [ -n "$sim" ]; then
    kill "$sim" 2>/dev/null || true
    wait "$sim" 2>/dev/null || true
  fi
  rm -rf "$work"
}
trap finish EXIT

if [ ! -d "$here/node_modules/@alicloud/pop-core" ]; then
  (cd "$here" && npm install --no-package-lock --no-audit --no-fund --ignore-scripts --silent)
fi
(cd "$root" && go build -o "$work/aliyun-sim" ./cmd/aliyun-sim)
"$work/aliyun-sim" --profile instant --servers 3 --addresses-file "$work/addresses.json" >"$work/log" 2>&1 &
sim=$!
for _ in $(seq 100); do
  [ -s "$work/addresses.json" ] && break
  if ! kill -0 "$sim" 2>/dev/null; then
    cat "$work/log" >&2
    exit 1
  fi
  sleep 0.1
done
url=$(sed -n 's/^openapi=//p' "$work/log")
NO_PROXY=127.0.0.1 no_proxy=127.0.0.1 timeout 120 node "$here/check.mjs" "$url"
