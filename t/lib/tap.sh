# SPDX-License-Identifier: Apache-2.0
# TAP for test scripts; sourced.

tap_n=0
tap_failed=0

# case_is SENTENCE COMMAND...: one case; it passes if the command does.  What
# the command prints is shown as comments if it fails.
case_is() {
	tap_n=$((tap_n + 1))
	tap_sentence=$1
	shift
	if tap_output=$("$@" 2>&1); then
		printf 'ok %d - %s\n' $tap_n "$tap_sentence"
	else
		printf 'not ok %d - %s\n' $tap_n "$tap_sentence"
		printf '%s\n' "$tap_output" | sed 's/^/# /'
		tap_failed=1
	fi
}

# case_skip SENTENCE REASON
case_skip() {
	tap_n=$((tap_n + 1))
	printf 'ok %d - %s # SKIP %s\n' $tap_n "$1" "$2"
}

# nothing COMMAND...: succeeds if the command prints nothing; shows it else.
nothing() {
	tap_found=$("$@" 2>&1)
	[ -z "$tap_found" ] || { printf '%s\n' "$tap_found"; return 1; }
}

tap_end() {
	printf '1..%d\n' $tap_n
	exit $tap_failed
}
