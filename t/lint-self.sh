#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Each lint finds what it is for: a small tree passes, and fails when spoilt.
. "${0%/*}/lib/tap.sh"
here=$(cd "${0%/*}" && pwd)
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
spdx='/* SPDX-License-Identifier: Apache-2.0 */'

# A tree without fault, in $tmp/tree.
plant() {
	rm -rf "$tmp/tree"
	mkdir -p "$tmp/tree" && cd "$tmp/tree" || exit 99
	mkdir -p doc include/metafora src coordinators/far balancers examples t
	for file in src/core.c src/core.h coordinators/far/far.c \
		coordinators/far/far.h balancers/near.c examples/first.c t/unit-x.c
	do
		printf '%s\n/* A file. */\n' "$spdx" >$file
	done
	echo '#include "core.h"' >>src/core.c
	echo '#include "far.h"' >>coordinators/far/far.c
	cat >include/metafora/version.h <<END
$spdx
/* The version. */
#define METAFORA_VERSION_MAJOR 1
#define METAFORA_VERSION_MINOR 2
#define METAFORA_VERSION_PATCH 3
#define METAFORA_VERSION "1.2.3"
METAFORA_API const char *metafora_a(void);
METAFORA_API struct thing *
metafora_b(int (*fn)(void *), void *arg);
END
	printf '%s\nX {\nglobal:\n\tmetafora_a;\n\tmetafora_b;\n};\n' "$spdx" \
		>src/libmetafora.map
	printf '# SPDX-License-Identifier: Apache-2.0\nAC_INIT([libmetafora], [1.2.3])\n' \
		>configure.ac
	printf 'TabWidth: 8\nIndentWidth: 8\nColumnLimit: 80\n' >.clang-format
	printf 'tab_width = 8\nmax_line_length = 80\n' >.editorconfig
	printf '#!/bin/sh\n# SPDX-License-Identifier: Apache-2.0\n' >autogen.sh
	chmod +x autogen.sh
	printf '%s\n/* A file. */\nint main;\n' "$spdx" >examples/hello.c
	printf 'Faults\n\n  unit-x  it breaks\n\nRunning\n' >t/README
	printf '\t{"it breaks", it_breaks},\n' >>t/unit-x.c
	{ echo Look:; echo '```c'; cat examples/hello.c; echo '```'; } >README
	cp examples/hello.c examples/service.c
	{ echo '```c'; tail -n 1 examples/service.c; echo '```'; } \
		>doc/tutorial.md
	printf '.TH X 7\n.SH NAME\nx \\- y\n' >doc/x.7
	printf '# SPDX-License-Identifier: Apache-2.0\ndist_man_MANS = doc/x.7\n' \
		>doc/local.mk
}

# result LINT: what it says about the tree.
result() {
	top_srcdir=$tmp/tree top_builddir= sh "$here/$1.sh" 2>&1
}

clean() {
	plant
	result "$1" | tee "$tmp/out" | grep -q '^1\.\.' && ! grep '^not ok' "$tmp/out"
}

# finds LINT SENTENCE COMMAND: after the command the lint fails that one case.
finds() {
	plant
	eval "$3"
	result "$1" >"$tmp/out"
	grep '^not ok' "$tmp/out" | sed 's/^not ok [0-9]* - //' >"$tmp/failed"
	[ "$(cat "$tmp/failed")" = "$2" ] || { cat "$tmp/out"; return 1; }
}

case_is "a clean tree passes lint-includes" clean lint-includes
case_is "a clean tree passes lint-files" clean lint-files
case_is "a clean tree passes lint-exports" clean lint-exports
case_is "a clean tree passes lint-doc" clean lint-doc

# The lint's sentence, and what must make it fail.
while IFS='|' read -r lint sentence command; do
	case_is "$lint sees when not: $sentence" \
		finds "$lint" "$sentence" "$command"
done <<'END'
lint-includes|no include goes up a folder|mkdir t/lib; echo '#include "../x.h"' >>t/lib/x.c
lint-includes|public headers include by <metafora/...> only|echo '#include "x.h"' >>include/metafora/version.h
lint-includes|plug-ins, examples and tools include public headers or their own|echo '#include "core.h"' >>coordinators/far/far.c
lint-includes|plug-ins, examples and tools include public headers or their own|echo '#include "src/core.h"' >>balancers/near.c
lint-includes|core includes public headers or its own|echo '#include "far.h"' >>src/core.c
lint-includes|plug-ins, examples and tools are given no folder but include/|echo 'x_CPPFLAGS = -I$(top_srcdir)/src' >>balancers/local.mk
lint-includes|core names plug-ins in one file at most|for f in a b; do echo 'int x = metafora_balancer_near_new();' >src/$f.c; done
lint-includes|coordinators do not ask for ZooKeeper's synchronous calls|echo '#define THREADED' >>coordinators/far/far.c
lint-files|every source file names its licence|sed -i 1d autogen.sh; sed -i 1s/^/x/ autogen.sh; printf '/* A */\n/* B */\n' >src/b.c
lint-files|every C file says what it is for|sed -i 2d src/core.h
lint-files|no file is longer than 800 lines|seq 800 >>src/core.c
lint-files|no line ends in blanks|echo 'int x; ' >>src/core.c
lint-files|tests do not sleep|echo 'int x = usleep (3);' >>t/unit-x.c
lint-files|nothing goes by the wall clock|echo 'int x = time(NULL);' >>src/core.c
lint-files|nothing goes by the wall clock|echo 'clock_gettime(CLOCK_REALTIME, &now);' >>balancers/near.c
lint-files|nothing ends processes by name|echo 'system("kill''all x");' >>t/unit-x.c
lint-files|nothing is marked as unfinished|echo '/* TO''DO: more */' >>src/core.c
lint-files|scripts can be run|chmod -x autogen.sh
lint-files|configure.ac and version.h agree|sed -i 's/PATCH 3/PATCH 4/' include/metafora/version.h
lint-files|the formatter and editors agree|echo 'TabWidth: 4' >.clang-format
lint-files|the faults in t/README have their cases|sed -i 's/it breaks"/it may break"/' t/unit-x.c
lint-files|README shows examples/hello.c as it is|sed -i 's/int main/int Main/' README
lint-files|README shows examples/hello.c as it is|echo Nothing. >README
lint-exports|the version script lists what the headers declare|sed -i /metafora_b/d src/libmetafora.map
lint-exports|the version script lists what the headers declare|sed -i '/API const/d' include/metafora/version.h
lint-doc|the manual pages are installed|cp doc/x.7 doc/y.7
lint-doc|the tutorial shows a part of examples/service.c|sed -i 's/main/Main/' doc/tutorial.md
lint-doc|the tutorial shows a part of examples/service.c|echo Nothing. >doc/tutorial.md
END
if command -v groff >/dev/null 2>&1; then
	case_is "lint-doc sees when a manual page is badly formed" finds lint-doc \
		"the manual pages are well formed" "echo '.XYZ' >>doc/x.7"
fi
tap_end
