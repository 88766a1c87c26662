# Read by build.sh and by test/upstream/suite/build.sh, which have set go (the go
# command) and out (the folder of the programs), in the folder of their go.mod.

# No cgo: the programs must run on any Linux, and need no C compiler to build.
CGO_ENABLED=0
GOWORK=off
export CGO_ENABLED GOWORK

mkdir -p "$out/.stamp"

version=$("$go" list -m -f '{{.Version}}' k8s.io/kubernetes)
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

# compile makes a program up to date, and tells every ten seconds how far it is: a
# first one has some two thousand packages before it and would look stuck.
#
#   compile NAME PACKAGE COMMAND...   COMMAND is the go command that writes it
compile() {
	name=$1
	package=$2
	shift 2
	if [ -x "$out/$name" ] && [ "$(cat "$out/.stamp/$name" 2>/dev/null)" = "$stamp" ]; then
		echo "$name: up to date"
		return
	fi
	begin=$(date +%s)
	next=$((begin + 10))
	log=$work/$name.log
	echo "$name: building $package"
	"$@" -buildvcs=false -ldflags "$ldflags" -o "$work/$name" "$package" >"$log" 2>&1 &
	builder=$!
	while kill -0 "$builder" 2>/dev/null; do
		sleep 1
		if [ "$(date +%s)" -ge "$next" ]; then
			next=$(($(date +%s) + 10))
			fetched=$(grep -c '^go: downloading' "$log" || true)
			compiled=$(grep -vc '^go: ' "$log" || true)
			echo "$name: $(elapsed "$begin"), $fetched modules fetched, $compiled packages compiled"
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
