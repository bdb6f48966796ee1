#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The example programs do what their pages say, and leave nobody behind.
. "${0%/*}/lib/tap.sh"

examples=$top_builddir/examples
work=$(mktemp -d) || exit 99
demo=
trap '[ -z "$demo" ] || kill -KILL "$demo" 2>/dev/null; rm -rf "$work"' EXIT

hello_says_it_all() {
	"$examples/hello" >"$work/hello" || return 1
	sort "$work/hello" >"$work/sorted"
	diff - "$work/sorted" <<'END'
task-a: done
task-a: hello, world
task-b: done
task-b: hello, world
task-c: done
task-c: hello, world
END
}

custom_balancer_takes_by_prefix() {
	"$examples/custom_balancer" eu- eu-2 us- "" >"$work/custom" || return 1
	LC_ALL=C sort "$work/custom" | uniq -c | sed 's/^ *//' >"$work/counted"
	diff - "$work/counted" <<'END'
2 eu-1 is released
2 eu-1 runs
2 eu-2 is released
2 eu-2 runs
1 us-1 is released
1 us-1 runs
1 us-2 is released
1 us-2 runs
END
}

custom_balancer_takes_nothing_else() {
	"$examples/custom_balancer" us-2 >"$work/custom" &&
		printf 'us-2 %s\n' runs 'is released' | diff - "$work/custom"
}

# The whole story, which ends with a check of its own; and as anybody would.
demo_ends_well() {
	"$examples/metafora-demo" "$work/whole" >"$work/output" 2>&1 ||
		{ cat "$work/output"; return 1; }
	"$examples/metafora-journal-check" "$work"/whole/*.journal
}

# What anybody would find: 30 tasks whose last status is an exit with 0.
statuses_are_kept() {
	[ "$(grep -l '^exit=0$' "$work"/whole/out/*.status | wc -l)" = 30 ] &&
		[ "$(grep -l '^outcome=done$' "$work"/whole/out/*.status |
			wc -l)" = 30 ]
}

# judge NODE-JOURNALS...: the exit status of the journal checker.
judge() {
	"$examples/metafora-journal-check" "$work/whole/client.journal" "$@" \
		>"$work/verdict" 2>&1
	echo $?
}

check_can_fail() {
	mkdir "$work/part"
	for journal in "$work"/whole/n*.journal; do
		sed '/ t07 .* end .* done$/d' "$journal" \
			>"$work/part/${journal##*/}"
	done
	[ "$(judge "$work"/part/*.journal)" = 1 ] &&
		grep -q 'task t07: never ran to its end' "$work/verdict" &&
		[ "$(judge)" = 1 ] && grep -q 'was never run' "$work/verdict" &&
		[ "$(judge "$work/none")" = 2 ]
}

# until LIMIT COMMAND...: whether the command succeeds within so many tenths.
until_is() {
	limit=$1
	shift
	while ! "$@"; do
		limit=$((limit - 1))
		[ $limit -gt 0 ] || return 1
		sleep 0.1
	done
}

n_started() { cat "$1"/*.journal 2>/dev/null | grep -c ' start '; }
has_started() { [ "$(n_started "$1")" -ge 30 ]; }

# Processes whose environment says that they are tasks of this demo.
nobody_left() {
	! grep -sqz "^METAFORA_DEMO=$1\$" /proc/[0-9]*/environ
}

# begin FOLDER: start a demo and wait until its tasks run.
begin() {
	"$examples/metafora-demo" "$1" >"$work/output" 2>&1 &
	demo=$!
	until_is 200 has_started "$1" && ! nobody_left "$1"
}

# end SIGNAL STATUS
end() {
	kill "-$1" "$demo"
	wait "$demo"
	status=$?
	demo=
	[ "$status" = "$2" ]
}

interrupted_demo_leaves_nobody() {
	begin "$work/interrupted" && end INT 130 && nobody_left "$work/interrupted"
}

# The kernel and the wardens do it, a moment later.
killed_demo_leaves_nobody() {
	begin "$work/killed" && end KILL 137 &&
		until_is 200 nobody_left "$work/killed"
}

service_ends_when_told() {
	printf 'embedded {}\nlog { sink = stderr }\n' >"$work/service.conf"
	"$examples/service" "$work/service.conf" 2>"$work/service.log" &
	demo=$!
	until_is 200 grep -q connected "$work/service.log" && end TERM 0
}

service_tells_what_is_wrong() {
	echo 'embeded {}' >"$work/service.conf"
	"$examples/service" "$work/service.conf" 2>"$work/service.log"
	[ $? = 1 ] && grep -q 'service.conf:1: embeded: ' "$work/service.log"
}

demo_wants_an_empty_folder() {
	"$examples/metafora-demo" "$work/whole" >"$work/output" 2>&1
	[ $? = 1 ] && grep -q 'a new or empty folder is needed' "$work/output"
}

case_is 'hello runs its tasks to their ends' hello_says_it_all
case_is 'the custom balancer takes tasks by their prefix' \
	custom_balancer_takes_by_prefix
case_is 'the custom balancer takes nothing else' \
	custom_balancer_takes_nothing_else
case_is 'the service ends when it is told to' service_ends_when_told
case_is 'the service tells what is wrong with its file' \
	service_tells_what_is_wrong
case_is 'the demo ends well' demo_ends_well
case_is 'the demo keeps the status of every task' statuses_are_kept
case_is 'the journal checker misses what was taken away' check_can_fail
case_is 'the demo wants an empty folder' demo_wants_an_empty_folder
case_is 'an interrupted demo leaves nobody' interrupted_demo_leaves_nobody
case_is 'a killed demo leaves nobody' killed_demo_leaves_nobody
tap_end
