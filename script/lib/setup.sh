# SPDX-License-Identifier: Apache-2.0
# Set-up shared by the scripts: needed packages, and a build out of the tree.
# Sourced; expects $top, the top of the source tree, and "set -u".

# What a build and its tests need, as "probe package" pairs; a probe is a
# command, a header if it ends in .h, or the full name of a file.
need_build='
cc build-essential
make build-essential
autoconf autoconf
automake automake
libtoolize libtool
pkg-config pkg-config
jansson.h libjansson-dev
confuse.h libconfuse-dev
uthash.h uthash-dev
zookeeper/zookeeper.h libzookeeper-mt-dev'
# A ZooKeeper server.
need_server='
java default-jre-headless
/usr/share/java/zookeeper.jar zookeeper
/usr/share/java/slf4j-simple.jar libslf4j-java'
need_tests="
g++ build-essential
CUnit/CUnit.h libcunit1-dev$need_server"

say() { printf '%s\n' "$*"; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# total PASSED FAILED SKIPPED: the last line of a run.
total() { say "$1 passed, $2 failed, $3 skipped"; }

# missing PAIRS: print the packages whose probe fails, each once.
missing() {
	printf '%s\n' "$1" | while read -r probe package; do
		case $probe in
		'') continue ;;
		*.h) printf '#include <%s>\n' "$probe" |
			cc -E - >/dev/null 2>&1 || say "$package" ;;
		/*) [ -e "$probe" ] || say "$package" ;;
		*) command -v "$probe" >/dev/null 2>&1 || say "$package" ;;
		esac
	done | sort -u
}

# need PAIRS: make sure that it is all there, installing what is not.
need() {
	packages=$(missing "$1" | tr '\n' ' ')
	[ -n "$packages" ] || return 0
	as_root=
	if ! command -v apt-get >/dev/null 2>&1; then
		die "please install (names as in Debian): $packages"
	elif [ "$(id -u)" != 0 ]; then
		as_root='sudo'
		# Without a terminal sudo could only wait for a password.
		[ -t 0 ] || as_root='sudo -n'
		$as_root true 2>/dev/null ||
			die "neither root nor sudo here; please install: $packages"
	fi
	say "installing $packages"
	log=$(mktemp)
	{ $as_root apt-get -q update &&
	  $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qy install \
		--no-install-recommends $packages; } >"$log" 2>&1 </dev/null ||
		{ tail -n 20 "$log" >&2; rm -f "$log"
		  die "could not install: $packages"; }
	rm -f "$log"
	packages=$(missing "$1" | tr '\n' ' ')
	[ -z "$packages" ] || die "still missing after installing: $packages"
}

# n_jobs: how many jobs to run side by side; more than processors, as many
# tests mostly wait.
n_jobs() { say $(($(nproc 2>/dev/null || say 2) + 1)); }

# build DIR [CONFIGURE-ARGUMENT...]: configure and make in DIR, out of the
# tree; what was configured the same way before is only brought up to date.
# Returns non-zero, after showing the end of the log, if that fails.
build() {
	dir=$1
	shift
	mkdir -p "$dir" || return 1
	arguments=$*
	if {
		[ -x "$top/configure" ] || (cd "$top" && ./autogen.sh)
	} >"$dir/build.log" 2>&1 && {
		{ [ -f "$dir/Makefile" ] &&
		  [ "$(cat "$dir/configured-with" 2>/dev/null)" = "$arguments" ]; } ||
		{ (cd "$dir" && "$top/configure" "$@") &&
		  printf '%s\n' "$arguments" >"$dir/configured-with"; }
	} >>"$dir/build.log" 2>&1 &&
		make -C "$dir" -j"$(n_jobs)" >>"$dir/build.log" 2>&1
	then
		return 0
	fi
	tail -n 40 "$dir/build.log" >&2
	say "the build failed; its log: $dir/build.log" >&2
	return 1
}
