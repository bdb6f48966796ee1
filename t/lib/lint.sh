# SPDX-License-Identifier: Apache-2.0
# What lint tests share; sourced.  They look at the tree $top_srcdir.
. "${0%/*}/lib/tap.sh"
cd "${top_srcdir:-.}" || exit 99

# in_git: whether the tree is a git checkout of its own (a tarball is not).
in_git() {
	[ "$(git rev-parse --show-toplevel 2>/dev/null)" = "$(pwd -P)" ]
}

# Without git: what autogen.sh, configure and make leave behind, programs (which
# have no dot in their names) among it.
generated='aclocal\.m4|config(ure|\.log|\.status)|Makefile(\.in)?|libtool|m4/.*'
generated=$generated'|(t|examples|tools|bench)/[^./]*|.*\.(pc|o|lo|la|a|log|trs)'

# sources: every file of the tree that somebody wrote.
sources() {
	if in_git; then
		git ls-files --cached --others --exclude-standard
	else
		find . \( -path './build*' -o -path './_*' -o -name '*.cache' \
			-o -name .deps -o -name .libs \) -prune -o -type f -print |
			sed 's|^\./||' | grep -vxE "$generated"
	fi | while read -r file; do
		[ -f "$file" ] && printf '%s\n' "$file"
	done | LC_ALL=C sort
}

# c_files FOLDER...: the C files and headers among them.
c_files() {
	for folder; do
		sources | grep -E "^$folder/.*\.[ch]$"
	done
}

# show PATTERN: matches of an extended regular expression in the files named
# on standard input, as FILE:LINE:TEXT.
show() {
	xargs -r grep -nHIE -e "$1"
}
