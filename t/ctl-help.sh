#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What metaforactl's help, its page and its completion say about each other.
. "${0%/*}/lib/tap.sh"

ctl=$top_builddir/tools/metaforactl
page=$top_srcdir/doc/metaforactl.1
PATH=$top_builddir/tools:$PATH
export PATH
unset METAFORA_SERVERS METAFORA_NAMESPACE METAFORA_CONFIG METAFORA_TIMEOUT

subcommands() {
	"$ctl" help | sed -n '/^subcommands:/,/^$/s/^  \([a-z-]*\) .*/\1/p'
}

options() {
	for each in "" $(subcommands); do
		[ "$each" = help ] || "$ctl" help $each |
			sed -n 's/^ .*\(--[a-z-]*\).*/\1/p'
	done | sort -u
}

# in_page NAME: unless the page has it in bold, as a word.  A hyphen that is one
# is written \-.
in_page() {
	sed 's/\\-/-/g' "$page" |
		grep -qE -e "^\.(B|BR|RB) (.*[ \"])?$1([ \"]|$)" || echo "$1"
}

subcommands_missing_in_page() {
	[ "$(subcommands | wc -l)" -ge 18 ] || subcommands
	for each in $(subcommands); do in_page "$each"; done
}

options_missing_in_page() {
	[ "$(options | wc -l)" -ge 20 ] || options
	for each in $(options); do in_page "$each"; done
}

wide_help() {
	for each in "" $(subcommands); do
		[ "$each" = help ] || "$ctl" help $each
	done | awk 'length > 80'
}

# complete WORD...: what the last, perhaps empty, word can become.
complete_words() {
	bash -c '. "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _metaforactl
		printf "%s\n" "${COMPREPLY[@]}"' \
		"$top_srcdir/tools/metaforactl.bash" metaforactl "$@"
}

completes() {
	expected=$1
	shift
	found=$(complete_words "$@" | tr '\n' ' ')
	[ "$found" = "$expected " ] || { echo "found: $found"; return 1; }
}

case_is "the page names every subcommand" nothing subcommands_missing_in_page
case_is "the page names every option" nothing options_missing_in_page
case_is "help fits 80 columns" nothing wide_help
if command -v bash >/dev/null 2>&1; then
	case_is "subcommands are completed" completes "freeze fsck" f
	case_is "options are completed" completes "--long --limit" ls --l
	case_is "options of the program are completed, too" \
		completes "--servers" --ser
	case_is "an option's value is no subcommand" \
		completes "drain" --servers 127.0.0.1:1 dr
	case_is "values are completed" completes "auto always" ls --color a
	case_is "without a cluster nothing is completed" completes "" drain n
else
	case_skip "completion works" "no bash here"
fi
tap_end
