#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The scripts count right, and install what is missing or say its name.
. "${0%/*}/lib/tap.sh"
top=$(cd "${top_srcdir:-.}" && pwd) || exit 99
. "$top/script/lib/setup.sh"
. "$top/script/lib/count.sh"
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
bin=$tmp/bin

# left TEST RESULT... [-- LOG-LINE]: what a test program left in $tmp/t.
left() {
	mkdir -p "$tmp/t"
	test=$1
	shift
	: >"$tmp/$test.trs"
	: >"$tmp/$test.log"
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		echo ":test-result: $1" >>"$tmp/$test.trs"
		shift
	done
	[ $# = 0 ] || echo "$2" >"$tmp/$test.log"
}

# counts PASSED FAILED SKIPPED TEST...
counts() {
	expected="$1 $2 $3"
	shift 3
	passed=0 failed=0 skipped=0
	count "$tmp" "$@"
	[ "$passed $failed $skipped" = "$expected" ] ||
		{ echo "expected $expected, counted $passed $failed $skipped"
		  return 1; }
}

left t/good PASS PASS SKIP
left t/bad PASS FAIL ERROR -- 'ERROR: t/bad - exited with status 1'
left t/dead PASS FAIL ERROR ERROR -- 'ERROR: t/dead - exited with status 134'
left t/died PASS ERROR -- 'ERROR: t/died - exited with status 1'
left t/empty
case_is "passes and skips are counted by case" counts 2 0 1 t/good
case_is "a failed case is one failure" counts 1 1 0 t/bad
case_is "a crash after a failed case is one failure more" counts 1 2 0 t/dead
case_is "failing without a failed case is a failure" counts 1 1 0 t/died
case_is "a program without a result is a failure" counts 0 1 0 t/empty
case_is "a program that was not run is a failure" counts 0 1 0 t/absent
case_is "programs add up" counts 5 5 1 t/good t/bad t/dead t/died t/empty

# A machine with these commands only; apt-get notes how it was called, and
# installs what $1 says.
machine() {
	rm -rf "$bin"
	mkdir "$bin"
	for command in sh env ln tr sort mktemp tail rm sed cat grep; do
		ln -s "$(command -v $command)" "$bin/$command"
	done
	printf '#!/bin/sh\necho "$@" >>"%s"\n%s\n' "$tmp/apt" "$1" >"$bin/apt-get"
	printf '#!/bin/sh\necho %s\n' "$2" >"$bin/id"
	chmod +x "$bin/apt-get" "$bin/id"
	: >"$tmp/apt"
}

# asks COMMAND...: need for two commands, on that machine.
asks() {
	(PATH=$bin; need 'sh dash
frobnicate frob-utils') </dev/null
}

installs="case \"\$*\" in *frob-utils*) ln -s /bin/sh $bin/frobnicate ;; esac"

root_installs() {
	machine "$installs" 0
	asks && grep -q '^-qy install.* frob-utils$' "$tmp/apt"
}

present_is_left_alone() {
	machine "$installs" 0
	ln -s /bin/sh "$bin/frobnicate"
	asks && [ ! -s "$tmp/apt" ]
}

# stops_naming_it: need fails, and says which package it wants.
stops_naming_it() {
	! asks >"$tmp/out" 2>&1 && grep -q frob-utils "$tmp/out" &&
		! grep -q dash "$tmp/out" || { cat "$tmp/out"; return 1; }
}

user_is_told() {
	machine "$installs" 1000
	stops_naming_it && [ ! -s "$tmp/apt" ]
}

other_system_is_told() {
	machine "$installs" 0
	rm "$bin/apt-get"
	stops_naming_it
}

failure_is_told() {
	machine 'exit 100' 0
	stops_naming_it
}

useless_install_is_told() {
	machine '' 0
	stops_naming_it
}

case_is "root installs what is missing, and only that" root_installs
case_is "nothing is installed if all is there" present_is_left_alone
case_is "without root and sudo the packages are named" user_is_told
case_is "on another system the packages are named" other_system_is_told
case_is "a failed installation is an error" failure_is_told
case_is "an installation that does not help is an error" useless_install_is_told
tap_end
