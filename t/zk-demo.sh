#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Nodes that are processes share tasks through a private ZooKeeper server.
. "${0%/*}/lib/tap.sh"

examples=$top_builddir/examples
work=$(mktemp -d) || exit 99
work=$(cd "$work" && pwd -P) || exit 99
mkdir "$work/tmp" || exit 99
# A server's folder shows here, and that it was left behind too.
TMPDIR=$work/tmp
export TMPDIR
demo= node_a= node_b= server=
finish() {
	for pid in $demo $node_a $node_b $server; do
		kill -KILL "$pid" 2>/dev/null
	done
	exec 8>&-
	until_is 100 nothing_is_left
	rm -rf "$work"
}
trap finish EXIT

# --- waiting -------------------------------------------------------------------

# until_is LIMIT COMMAND...: whether the command succeeds within so many tenths.
until_is() {
	limit=$1
	shift
	while ! "$@"; do
		limit=$((limit - 1))
		[ $limit -gt 0 ] || { echo "in vain: $*"; return 1; }
		sleep 0.1
	done
}

# nobody_left FOLDER: no process has the environment of that demo: no node, no
# task, no warden, no server.
nobody_left() { ! grep -sqzx "METAFORA_DEMO=$1" /proc/[0-9]*/environ; }
no_folder_left() { [ -z "$(ls -A "$TMPDIR")" ]; }
nothing_is_left() { nobody_left "$work/.*" && no_folder_left; }

# ended PID: whether a child of ours has ended; it may be a zombie.
ended() { ! grep -q '^State:[[:space:]]*[^ZX]' "/proc/$1/status" 2>/dev/null; }

# ends PID STATUS LIMIT: the child ends with that status within the limit.
ends() {
	until_is "$3" ended "$1" || return 1
	wait "$1"
	status=$?
	[ $status = "$2" ] || { echo "status $status"; return 1; }
}

# --- the demo --------------------------------------------------------------------

# begin FOLDER: start the demo.
begin() {
	"$examples/metafora-demo" --zookeeper "$examples" "$1" \
		>"$work/output" 2>&1 &
	demo=$!
}

# end SIGNAL STATUS FOLDER: it ends so, and nothing of it stays.
end() {
	kill "-$1" "$demo"
	ends "$demo" "$2" 200 && demo= && until_is 200 nobody_left "$3" &&
		until_is 100 no_folder_left || { cat "$work/output"; return 1; }
}

demo_ends_well() {
	begin "$work/whole"
	ends "$demo" 0 600 && nobody_left "$work/whole" && no_folder_left &&
		"$examples/metafora-journal-check" "$work"/whole/*.journal ||
		{ cat "$work/output" "$work"/whole/*.log; return 1; }
}

# The story that it tells; what moved and when is in the journals.
demo_tells_its_story() {
	for step in 'n3 has joined' '30 tasks are submitted' \
		'every task runs' 'n2 dies without warning' \
		'its tasks have new owners' 'n4 has joined' \
		'the load is even' 'every task is done'; do
		grep -q "$step" "$work/output" ||
			{ echo "it did not say: $step"; return 1; }
	done
	[ "$(awk '$5 == "died" { print $2 }' "$work/whole/client.journal")" = n2 ] &&
		[ "$(grep -c ' start ' "$work/whole/n4.journal")" -ge 5 ] &&
		[ "$(grep -l '^exit=0$' "$work"/whole/out/*.status | wc -l)" = 30 ]
}

has_started() {
	[ "$(cat "$1"/*.journal 2>/dev/null | grep -c ' start ')" -ge 30 ]
}

interrupted_demo_leaves_nothing() {
	begin "$work/interrupted" &&
		until_is 400 has_started "$work/interrupted" &&
		end INT 130 "$work/interrupted"
}

# While the server starts.
soon_interrupted_demo_leaves_nothing() {
	begin "$work/soon" && until_is 400 test -f "$work/soon/zookeeper.log" &&
		end INT 130 "$work/soon"
}

killed_demo_leaves_nothing() {
	begin "$work/killed" && until_is 400 has_started "$work/killed" &&
		end KILL 137 "$work/killed"
}

demo_says_why_there_is_no_server() {
	METAFORA_ZOOKEEPER_CLASS_PATH=$work/none \
		"$examples/metafora-demo" --zookeeper "$examples" \
		"$work/none" >"$work/output" 2>&1
	[ $? = 1 ] && grep -q 'zookeeper has ended' "$work/output" &&
		grep -q 'the server ended while it started' \
			"$work/none/zookeeper.log" &&
		no_folder_left
}

# --- nodes -------------------------------------------------------------------------

# node NAME [OPTION...]: become a node.
node() {
	name=$1
	shift
	exec "$examples/metafora-shelld" --node "$name" --servers "$address" \
		--namespace /test --output "$work/out" \
		--journal "$work/$name.journal" --session-timeout-ms 3000 \
		"$@" 2>>"$work/$name.log"
}

submit() {
	"$examples/metafora-submit" --servers "$address" --namespace /test \
		--journal "$work/client.journal" "$@"
}

# n NODE EVENT: lines of that event in the node's journal.
n() { grep -c "^[0-9]* $1 .* $2 " "$work/$1.journal"; }
runs() { [ $(($(n "$1" start) - $(n "$1" end))) = "$2" ]; }
both_run_two() { runs a 2 && runs b 2; }

# The server ends when descriptor 8 is closed.
start_server() {
	mkfifo "$work/hold" || return 1
	"$examples/metafora-private-zookeeper" <"$work/hold" >"$work/address" \
		2>"$work/server.log" &
	server=$!
	exec 8>"$work/hold"
	until_is 400 test -s "$work/address" ||
		{ cat "$work/server.log"; return 1; }
}

# Four tasks that run until there is a file "go".
command="while ! [ -e $work/go ]; do sleep 0.1; done"
nodes_share_tasks() {
	: >"$work/a.journal"
	: >"$work/b.journal"
	(node a) &
	node_a=$!
	(node b) &
	node_b=$!
	submit t1 "$command" &&
		printf '%s\t%s\n' t2 "$command" t3 "$command" t4 "$command" |
		submit && until_is 300 both_run_two ||
		{ cat "$work"/[ab].log; return 1; }
}

# What is submitted twice is said so, and what is malformed stops all.
submitter_names_what_is_wrong() {
	submit t1 true 2>"$work/output"
	[ $? = 1 ] && grep -q 't1: already exists' "$work/output" || return 1
	printf 't9\ttrue\nwithout a tab\n' | submit 2>"$work/output"
	[ $? = 2 ] && grep -q 'line 2: no tab' "$work/output" &&
		! grep -q t9 "$work/client.journal"
}

namesake_is_refused() {
	(node b) &
	ends $! 1 200 && grep -q 'b cannot join.*already exists' "$work/b.log" &&
		both_run_two
}

# A task is asked to stop, ends, is released; only then it runs elsewhere.
node_hands_over_in_order() {
	kill -TERM "$node_a"
	ends "$node_a" 0 200 && node_a= && until_is 100 runs b 4 &&
		[ "$(n a stop-asked)" = 2 ] &&
		[ "$(grep -c ' end .* release$' "$work/a.journal")" = 2 ] &&
		touch "$work/go" && until_is 100 runs b 0 &&
		"$examples/metafora-journal-check" "$work"/*.journal ||
		{ cat "$work"/[ab].journal "$work"/[ab].log; return 1; }
}

stubborn="trap '' TERM; echo \$\$ >$work/pid; while :; do sleep 0.1; done"
is_gone() { ended "$(cat "$work/pid")"; }
second_signal_ends_a_node_at_once() {
	(node c --grace-ms 60000) &
	node_a=$!
	kill -TERM "$node_b"
	ends "$node_b" 0 200 && node_b= && : >>"$work/c.journal" &&
		submit t5 "$stubborn" && until_is 200 test -s "$work/pid" &&
		kill -TERM "$node_a" &&
		until_is 100 grep -q stop-asked "$work/c.journal" &&
		! is_gone && kill -TERM "$node_a" && ends "$node_a" 143 50 &&
		node_a= && until_is 100 is_gone ||
		{ cat "$work/c.journal" "$work/c.log"; return 1; }
}

server_ends_with_its_input() {
	exec 8>&-
	ends "$server" 0 100 && server= && no_folder_left
}

# --- without a server -----------------------------------------------------------------

# Nobody listens on port 1.
no_server_is_a_timeout() {
	address=127.0.0.1:1
	(node d --session-timeout-ms 400) &
	ends $! 1 150 && grep -q 'd cannot join.*timed out' "$work/d.log" &&
		! submit --timeout-ms 500 t6 true 2>"$work/output" &&
		grep -q 't6: timed out' "$work/output"
}

# refuses TEXT ARGUMENT...: shelld says so, and that usage was wrong.
refuses() {
	said=$1
	shift
	"$examples/metafora-shelld" "$@" >"$work/output" 2>&1
	[ $? = 2 ] && grep -q -e "$said" "$work/output" ||
		{ echo "not refused: $*"; cat "$work/output"; return 1; }
}

shelld_refuses_bad_arguments() {
	set -- --node x --servers h:1 --namespace /x --output "$work/out"
	refuses '--node is missing' &&
		refuses '--journal is missing' "$@" &&
		refuses 'what is "more"' "$@" --journal "$work/x" more &&
		set -- "$@" --journal "$work/x" &&
		refuses '--weight: must be' "$@" --weight 0 &&
		refuses '--weight: must be' "$@" --weight 1e3 &&
		refuses 'node.max_tasks: must be at most 4096' "$@" \
			--max-tasks 4097 &&
		refuses '--session-timeout-ms: must be' "$@" \
			--session-timeout-ms 399 &&
		refuses '--grace-ms: must be' "$@" --grace-ms -1 &&
		refuses '--log-level: must be' "$@" --log-level loud &&
		refuses '--node: must be' "$@" --node '' &&
		refuses 'unrecognized option' "$@" --frob &&
		refuses 'requires an argument' --node
}

# cannot TEXT OPTION VALUE: shelld does not start, for that reason.
cannot() {
	"$examples/metafora-shelld" --node x --servers 127.0.0.1:1 \
		--namespace /x --output "$work/out" --journal "$work/x" \
		"$2" "$3" >"$work/output" 2>&1
	[ $? = 1 ] && grep -q -e "$1" "$work/output" ||
		{ echo "no failure: $2 $3"; cat "$work/output"; return 1; }
}

shelld_says_why_it_cannot_start() {
	refuses 'zookeeper.namespace: must be' --node x --servers h:1 \
		--output "$work/out" --journal "$work/x" \
		--namespace relative &&
		cannot 'No such file' --output "$work/no/folder" &&
		cannot 'No such file' --journal "$work/no/file"
}

shelld_tells_of_itself() {
	"$examples/metafora-shelld" --version | grep -q '^metafora-shelld [0-9]' &&
		"$examples/metafora-shelld" --help | grep -q '^usage: ' &&
		"$examples/metafora-submit" --help | grep -q '^usage: ' &&
		"$examples/metafora-private-zookeeper" --help |
		grep -q '^usage: '
}

# --- all of it --------------------------------------------------------------------------

case_is 'shelld refuses bad arguments' shelld_refuses_bad_arguments
case_is 'shelld tells of itself' shelld_tells_of_itself

lack=
command -v java >/dev/null || lack='java is missing'
[ -e /usr/share/java/zookeeper.jar ] || lack='no ZooKeeper server is installed'
! "$examples/metafora-submit" --servers 127.0.0.1:1 \
	--namespace /x --timeout-ms 1 x x 2>&1 |
	grep -q 'not supported' || lack='built without ZooKeeper'

# case_on_zookeeper SENTENCE COMMAND...: outside of a subshell, unlike case_is,
# for what a case starts is the next one's.
case_on_zookeeper() {
	sentence=$1
	shift
	[ -z "$lack" ] || { case_skip "$sentence" "$lack"; return; }
	"$@" >"$work/said" 2>&1
	result=$?
	case_is "$sentence" eval 'cat "$work/said"; [ $result = 0 ]'
}
case_on_zookeeper 'shelld says why it cannot start' \
	shelld_says_why_it_cannot_start
case_on_zookeeper 'without a server, start and submission time out' \
	no_server_is_a_timeout
case_on_zookeeper 'a private server serves' start_server
address=$(cat "$work/address" 2>/dev/null)
case_on_zookeeper 'nodes share what other processes submit' nodes_share_tasks
case_on_zookeeper 'the submitter names what is wrong' \
	submitter_names_what_is_wrong
case_on_zookeeper 'a namesake is refused, and harms nobody' namesake_is_refused
case_on_zookeeper 'a node that is told to end hands its tasks over in order' \
	node_hands_over_in_order
case_on_zookeeper 'a second signal ends a node at once, and its tasks' \
	second_signal_ends_a_node_at_once
case_on_zookeeper 'a private server ends with its input' \
	server_ends_with_its_input
case_on_zookeeper 'the demo ends well' demo_ends_well
case_on_zookeeper 'the demo tells its whole story' demo_tells_its_story
case_on_zookeeper 'an interrupted demo leaves nothing' \
	interrupted_demo_leaves_nothing
case_on_zookeeper 'a demo interrupted at its start leaves nothing' \
	soon_interrupted_demo_leaves_nothing
case_on_zookeeper 'a killed demo leaves nothing' killed_demo_leaves_nothing
case_on_zookeeper 'the demo says why there is no server' \
	demo_says_why_there_is_no_server
tap_end
