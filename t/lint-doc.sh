#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Manual pages are well formed and installed; the tutorial shows what is there.
. "${0%/*}/lib/lint.sh"

pages() { sources | grep -E '^doc/.*\.[1-8]$'; }

page_warnings() { pages | xargs groff -ww -man -Tutf8 -z; }

pages_left_out() {
	pages | while read -r page; do
		grep -qF "$page" doc/local.mk || echo "$page"
	done
}

# examples/service.c is compiled.
tutorial_shows_service() {
	sed -n '/^```c$/,/^```$/p' doc/tutorial.md | sed '1d;$d' | awk '
		NR == FNR { shown = shown $0 "\n"; next }
		{ file = file $0 "\n" }
		END { exit shown == "" || !index(file, shown) }' \
		- examples/service.c
}

if command -v groff >/dev/null 2>&1; then
	case_is "the manual pages are well formed" nothing page_warnings
else
	case_skip "the manual pages are well formed" "no groff"
fi
case_is "the manual pages are installed" nothing pages_left_out
case_is "the tutorial shows a part of examples/service.c" tutorial_shows_service
tap_end
