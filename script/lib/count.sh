# SPDX-License-Identifier: Apache-2.0
# Count what test programs left behind; sourced, after setup.sh.

# count DIR TEST...: add the cases of the tests that ran in DIR to passed,
# failed and skipped, and show what failed.  A program that crashed, hung or
# broke its plan is one failure more; that one with failed cases exits with 1
# is not.
count() {
	dir=$1
	shift
	for t; do
		log=$dir/${t%.sh}.log
		trs=$dir/${t%.sh}.trs
		bad=0
		errors=0
		if [ -f "$trs" ] && grep -q '^:test-result:' "$trs"; then
			passed=$((passed + $(results 'PASS|XFAIL')))
			skipped=$((skipped + $(results SKIP)))
			bad=$(results 'FAIL|XPASS')
			errors=$(results ERROR)
			if [ "$bad" -gt 0 ] && [ "$errors" = 1 ] &&
				grep -qx "ERROR: $t - exited with status 1" "$log"
			then
				errors=0
			fi
			[ "$errors" = 0 ] || bad=$((bad + 1))
		else
			bad=1
		fi
		failed=$((failed + bad))
		[ "$bad" = 0 ] || show_failure
	done
}

results() {
	grep -cE "^:test-result: ($1)" "$trs"
}

# The cases that failed with what they said, and how a crash came about.
show_failure() {
	say
	say "FAILED: $t"
	[ -f "$log" ] || { say "it left no result"; return; }
	awk '/^not ok/ { said = 1; print; next }
		/^FAIL: / { next }
		!/^#/ { said = 0 }
		said || /^(XPASS|ERROR): /' "$log"
	if [ "$errors" != 0 ]; then
		say "the end of its log:"
		tail -n 40 "$log" | sed 's/^/  | /'
	fi
	say "its log: $log"
}
