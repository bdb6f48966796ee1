#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Each installed header compiles alone, as C11 and as C++.
. "${0%/*}/lib/install.sh"

alone() {
	printf '#include <%s>\n' "$header" >"$tmp/alone.$1"
	shift
	"$@" -pedantic -Wall -Wextra -Werror -fsyntax-only -I"$dest$includedir"
}

# The C++ compiler that goes with the C compiler.
case $CC in
*clang*) cxx=${CXX:-clang++} ;;
*) cxx=${CXX:-g++} ;;
esac
command -v "$cxx" >/dev/null 2>&1 || cxx=

case_is "make install with DESTDIR works" install_it
for header in $(cd "$dest$includedir" && find . -name '*.h' | sed 's|^\./||' |
	LC_ALL=C sort); do
	case_is "$header compiles alone as C11" \
		alone c $CC -std=c11 "$tmp/alone.c"
	if [ -n "$cxx" ]; then
		case_is "$header compiles alone as C++" \
			alone cc "$cxx" -std=c++11 "$tmp/alone.cc"
	else
		case_skip "$header compiles alone as C++" "no C++ compiler"
	fi
done
tap_end
