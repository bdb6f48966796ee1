#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Dependencies run one way: include <- src, coordinators, balancers <- the rest.
. "${0%/*}/lib/lint.sh"

upward_includes() {
	sources | grep -E '\.[ch]$' | show '^[[:space:]]*#[[:space:]]*include.*\.\./'
}

# foreign_includes FOLDER...: quoted includes that are not a file next to the
# one that includes it, or not within its own folder.
foreign_includes() {
	c_files "$@" | while read -r file; do
		sed -nE 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*"([^"]*)".*/\1/p' \
			"$file" | while read -r name; do
			[ -f "${file%/*}/$name" ] || echo "$file: \"$name\""
		done
	done
}

# Folders that the compiler is told to look into, beyond include/.
extra_folders() {
	sources | grep -E '^(coordinators|balancers|examples|tools)/.*\.mk$' |
		show '(^|[[:space:]])-I' | grep -vE -e '-I\$\(top_srcdir\)/include$'
}

quoted_in_public() {
	c_files include | show '^[[:space:]]*#[[:space:]]*include[[:space:]]*"'
}

# A plug-in's name is its file's or its folder's.
plugin_users() {
	names=$(sources | grep -E '^(coordinators|balancers)/[^/]*(\.c$|/)' |
		sed -E 's|^[^/]*/([^/.]*).*|\1|' | sort -u | paste -sd'|' -)
	[ -n "$names" ] || names=none
	c_files src | show "(metafora|mf)_([a-z]+_)?($names)_|metafora/plugins\.h" |
		sed 's/:.*//' | sort -u
}

src_names_plugins_once() {
	users=$(plugin_users)
	[ "$(printf '%s' "$users" | grep -c .)" -le 1 ] ||
		{ echo "more than one file of src/ names plug-ins:"
		  echo "$users"; return 1; }
}

synchronous_zookeeper() {
	sources | grep -E '^coordinators/' | show '(^|[^A-Z_])THREADED'
}

case_is "no include goes up a folder" nothing upward_includes
case_is "public headers include by <metafora/...> only" \
	nothing quoted_in_public
case_is "plug-ins, examples and tools include public headers or their own" \
	nothing foreign_includes coordinators balancers examples tools
case_is "core includes public headers or its own" nothing foreign_includes src
case_is "plug-ins, examples and tools are given no folder but include/" \
	nothing extra_folders
case_is "core names plug-ins in one file at most" src_names_plugins_once
case_is "coordinators do not ask for ZooKeeper's synchronous calls" \
	nothing synchronous_zookeeper
tap_end
