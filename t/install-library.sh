#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A program outside builds against the installed library and runs.
. "${0%/*}/lib/install.sh"

cat >"$tmp/version.c" <<'END'
#include <metafora.h>
#include <string.h>

int main(void)
{
	return strcmp(metafora_version(), METAFORA_VERSION) ? 1 : 0;
}
END

# pc OPTION...: pkg-config as somebody sees it who has the library installed.
pc() {
	PKG_CONFIG_PATH=$dest$libdir/pkgconfig PKG_CONFIG_SYSROOT_DIR=$dest \
		${PKG_CONFIG:-pkg-config} "$@" metafora
}

builds() {
	$CC $TEST_CFLAGS $TEST_LDFLAGS $(pc --cflags) -o "$tmp/$1" "$2" \
		$(pc --libs)
}

runs() {
	LD_LIBRARY_PATH=$dest$libdir "$tmp/$1"
}

greets() {
	runs hello >"$tmp/out" && [ "$(grep -c hello "$tmp/out")" -ge 3 ]
}

same_version() {
	[ "$(pc --modversion)" = "$(sed -nE \
		's/^#define METAFORA_VERSION "(.*)"/\1/p' \
		"$dest$includedir/metafora/version.h")" ]
}

# What the library needs itself is not the program's to link.
private_stays_private() {
	case $(pc --libs) in
	*jansson* | *zookeeper*) pc --libs; return 1 ;;
	esac
}

nothing_but_ours() {
	find "$dest" -type f -o -type l | sed "s|^$dest||" |
		grep -vE "^($includedir/metafora(\.h|/[a-z]+\.h)|$libdir/libmetafora\.(so.*|la|a)|$libdir/pkgconfig/metafora\.pc|.*/man/.*metafora.*|.*/examples/metafora(\.conf\.sample|-shelld\.service)|.*/bin/metafora(ctl|-shelld)|.*/bash-completion/completions/metaforactl)$"
}

uninstalls() {
	make_in_build uninstall >/dev/null 2>&1 &&
		nothing find "$dest" -type f
}

case_is "make install with DESTDIR works" install_it
case_is "what is installed is the library, its headers, .pc and pages" \
	nothing nothing_but_ours
case_is "pkg-config tells the headers' version" same_version
case_is "pkg-config hands on no private library" private_stays_private
case_is "a program builds through pkg-config" builds version "$tmp/version.c"
case_is "that program runs" runs version
case_is "README's first program builds through pkg-config" \
	builds hello "$top_srcdir/examples/hello.c"
case_is "README's first program runs its tasks" greets
case_is "the tutorial's service builds through pkg-config" \
	builds service "$top_srcdir/examples/service.c"
case_is "make uninstall leaves no file" uninstalls
tap_end
