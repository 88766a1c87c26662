#!/bin/sh
# Unpacks Debian's cloud-init, with the Python that it needs, into a folder. Nothing
# is installed and no service starts: the tests run its check of user-data from there.
set -eu
to=$1
[ ! -e "$to/usr/bin/cloud-init" ] || exit 0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
needed=$(apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances cloud-init |
	grep -E '^(python3-|cloud-init$|libyaml)' | grep -v '^python3-minimal$' | sort -u)
# shellcheck disable=SC2086 # names of packages
apt-get download $needed
mkdir root
for package in *.deb; do
	dpkg-deb -x "$package" root
done
mkdir -p "$(dirname "$to")"
rm -rf "$to"
mv root "$to"
