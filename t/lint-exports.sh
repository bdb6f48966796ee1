#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What the headers declare, the version script lists and the library exports.
. "${0%/*}/lib/lint.sh"

declared() {
	c_files include | xargs cat | tr '\n' ' ' | tr ';}{' '\n\n\n' |
		sed -nE 's/.*METAFORA_API[^(]*[ *](metafora_[a-z0-9_]+)\(.*/\1/p' |
		LC_ALL=C sort
}

n_declarations() {
	c_files include | xargs cat | grep -c '^METAFORA_API'
}

listed() {
	sed -nE 's/^[[:blank:]]+(metafora_[a-z0-9_]+);$/\1/p' src/libmetafora.map
}

exported() {
	${NM:-nm} -D --defined-only "$top_builddir/.libs/libmetafora.so" |
		sed -nE 's/.* [TDBR] ([^@]*).*/\1/p' | LC_ALL=C sort
}

same() {
	"$1" >"$tmp/a" && "$2" >"$tmp/b"
	[ -s "$tmp/a" ] || { echo "$1: nothing"; return 1; }
	diff -u --label "$1" --label "$2" "$tmp/a" "$tmp/b"
}

# A declaration that the pattern above misses would be no difference.
all_found() {
	[ "$(declared | wc -l)" = "$(n_declarations)" ] ||
		{ echo "$(n_declarations) declarations, but found:"
		  declared; return 1; }
}

listed_sorted() {
	listed | LC_ALL=C sort -u
}

tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
case_is "every exported declaration of the headers is found" all_found
case_is "the version script lists what the headers declare" same declared listed
case_is "the version script is sorted" same listed listed_sorted
complete="the library exports all that the version script lists"
if [ -z "$top_builddir" ] || [ ! -f "$top_builddir/.libs/libmetafora.so" ]; then
	case_skip "$complete" "no shared library was built"
else
	case_is "$complete" same listed exported
fi
tap_end
