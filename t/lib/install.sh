# SPDX-License-Identifier: Apache-2.0
# What install tests share; sourced: the library installed into $dest.
. "${0%/*}/lib/tap.sh"
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
dest=$tmp/dest
mkdir "$dest"

# A make of its own, which does not share the jobs of the one that tests.
make_in_build() {
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u MAKEOVERRIDES \
		"${MAKE:-make}" -C "$top_builddir" "$@" DESTDIR="$dest"
}

install_it() {
	make_in_build install
}
