#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every file of the tree keeps to the forms of the house.
. "${0%/*}/lib/lint.sh"

scripts() {
	sources | grep -E '^(script/[^/]*|\.ci/[^/]*|autogen\.sh|.*\.sh)$'
}

written_files() {
	{ sources | grep -E '\.([ch]|mk|am|ac|map)$'; scripts; } | sort -u
}

without_licence() {
	written_files | while read -r file; do
		head -n 2 "$file" | grep -q 'SPDX-License-Identifier: Apache-2\.0' ||
			echo "$file"
	done
}

# The second line of a C file begins the sentence that says what it is for.
without_purpose() {
	sources | grep -E '\.[ch]$' | while read -r file; do
		sed -n 2p "$file" | grep -q '^/\*' || echo "$file"
	done
}

too_long() {
	written_files | while read -r file; do
		lines=$(wc -l <"$file")
		[ "$lines" -le 800 ] || echo "$file: $lines lines"
	done
}

trailing_blanks() {
	sources | grep -vE '\.(png|svg|xz)$' | show '[[:blank:]]$'
}

# A public header is nobody's output, whatever its name.
generated_in_git() {
	git ls-files | grep -v '^include/' | grep -E \
		'(^|/)(configure|Makefile|Makefile\.in|aclocal\.m4|config\.h(\.in)?|libtool|ltmain\.sh)$|^(build|build-aux|autom4te\.cache)/|^m4/(lt|libtool)|\.(o|lo|la|a|so|log|trs|pc|orig|rej)$|~$'
}

# Waiting for luck: a test waits for a condition, with a deadline.
sleeping_tests() {
	sources | grep -E '^t/.*\.[ch]$' | show '(^|[^[:alnum:]_])u?sleep[[:space:]]*\('
}

# Nothing may depend on a clock that somebody sets.  These files show it only:
# in a member record, in log lines; or number the lives of the embedded broker.
wall_clocks() {
	c_files src coordinators balancers |
		grep -vxE 'src/(consumer_life|log_sinks|status)\.c|coordinators/embedded/broker\.c' |
		show 'CLOCK_REALTIME|gettimeofday|timespec_get|(^|[^[:alnum:]_])time ?\((NULL|0|&)'
}

# By name one ends other people's processes.
killing_by_name() {
	{ sources | grep -E '\.[ch]$'; scripts; } | sort -u |
		show '(^|[^[:alnum:]_])(p[k]ill|k[i]llall)([^[:alnum:]_]|$)'
}

unfinished() {
	written_files | show '(^|[^[:alnum:]_])(TO[D]O|FIX[M]E|X[X]X)([^[:alnum:]_]|$)'
}

not_executable() {
	sources | grep -E '^(script/[^/]*|\.ci/run|autogen\.sh)$' |
		while read -r file; do
			[ -x "$file" ] || echo "$file"
		done
}

versions_agree() {
	built=$(sed -nE 's/^AC_INIT\(\[libmetafora\], \[([^]]*)\].*/\1/p' configure.ac)
	header=$(sed -nE 's/^#define METAFORA_VERSION "(.*)"/\1/p' \
		include/metafora/version.h)
	parts=$(sed -nE 's/^#define METAFORA_VERSION_(MAJOR|MINOR|PATCH) //p' \
		include/metafora/version.h | paste -sd. -)
	[ -n "$built" ] && [ "$built" = "$header" ] && [ "$built" = "$parts" ] ||
		{ echo "configure.ac: $built; version.h: $header, $parts"
		  return 1; }
}

# Editors and the formatter must not fight.
formats_agree() {
	grep -q '^TabWidth: *8$' .clang-format &&
		grep -q '^IndentWidth: *8$' .clang-format &&
		grep -q '^ColumnLimit: *80$' .clang-format &&
		grep -q '^tab_width = 8$' .editorconfig &&
		grep -q '^max_line_length = 80$' .editorconfig ||
		{ echo ".clang-format and .editorconfig differ"; return 1; }
}

# What a reader sees first must compile; examples/hello.c is compiled.
readme_shows_hello() {
	sed -n '/^```c$/,/^```$/p' README | sed '1d;$d' | diff -u examples/hello.c -
}

# The faults in t/README are cases that exist.
faults_without_case() {
	sed -n '/^Faults$/,/^Running$/s/^  [^ ]*  *//p' t/README |
		while read -r sentence; do
			grep -qrF "\"$sentence\"" t --include='*.[ch]' \
				--include='*.sh' || echo "$sentence"
		done
}

case_is "every source file names its licence" nothing without_licence
case_is "every C file says what it is for" nothing without_purpose
case_is "no file is longer than 800 lines" nothing too_long
case_is "no line ends in blanks" nothing trailing_blanks
case_is "tests do not sleep" nothing sleeping_tests
case_is "nothing goes by the wall clock" nothing wall_clocks
case_is "nothing ends processes by name" nothing killing_by_name
case_is "nothing is marked as unfinished" nothing unfinished
case_is "scripts can be run" nothing not_executable
case_is "configure.ac and version.h agree" versions_agree
case_is "the formatter and editors agree" formats_agree
case_is "the faults in t/README have their cases" nothing faults_without_case
case_is "README shows examples/hello.c as it is" readme_shows_hello
if in_git; then
	case_is "nothing generated is in git" nothing generated_in_git
else
	case_skip "nothing generated is in git" "not a git checkout"
fi
tap_end
