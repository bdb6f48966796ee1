# SPDX-License-Identifier: Apache-2.0
# Completion of metaforactl for bash.  Subcommands and options are asked of
# the program's own help; nodes and tasks of the cluster, if it answers soon.

_metaforactl_subcommands() {
	metaforactl help 2>/dev/null |
		sed -n '/^subcommands:/,/^$/s/^  \([a-z-]*\) .*/\1/p'
}

_metaforactl_options() {
	metaforactl help $1 2>/dev/null |
		sed -n 's/^ .*\(--[a-z-]*\).*/\1/p'
}

# What the command line says about the cluster, so that the same one is asked.
_metaforactl_ask() {
	local i word given=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		case $word in
		-s | -n | -c | --servers | --namespace | --config | \
			--credentials-file | --credentials-env | --auth-scheme)
			given+=("$word" "${COMP_WORDS[++i]}") ;;
		esac
	done
	metaforactl "${given[@]}" --timeout 1s "$@" 2>/dev/null
}

_metaforactl_nodes() {
	_metaforactl_ask nodes --color never | sed '1d;s/ .*//'
}

_metaforactl_tasks() {
	_metaforactl_ask ls --quiet --limit 200 -- "$1"
}

_metaforactl() {
	local current=${COMP_WORDS[COMP_CWORD]}
	local previous=${COMP_WORDS[COMP_CWORD - 1]}
	local subcommand= i

	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-s | -n | -c | -t | --servers | --namespace | --config | \
			--timeout | --credentials-file | --credentials-env | \
			--auth-scheme | --acl | --color)
			i=$((i + 1)) ;;
		-*) ;;
		*) subcommand=${COMP_WORDS[i]}; break ;;
		esac
	done
	case $previous in
	-c | --config | -f | --file | --properties-file | --credentials-file)
		COMPREPLY=($(compgen -f -- "$current")); return ;;
	--color)
		COMPREPLY=($(compgen -W 'auto always never' -- "$current"))
		return ;;
	-o | --owner)
		COMPREPLY=($(compgen -W "$(_metaforactl_nodes)" -- "$current"))
		return ;;
	esac
	case $subcommand,$current in
	*,-*)
		COMPREPLY=($(compgen -W "$(_metaforactl_options $subcommand)" \
			-- "$current")) ;;
	,* | help,*)
		COMPREPLY=($(compgen -W "$(_metaforactl_subcommands)" \
			-- "$current")) ;;
	check-config,*)
		COMPREPLY=($(compgen -f -- "$current")) ;;
	freeze,* | unfreeze,* | balance,* | drain,* | undrain,* | command,*)
		COMPREPLY=($(compgen -W "$(_metaforactl_nodes)" -- "$current")) ;;
	rm,* | ls,* | show,* | stop-task,*)
		COMPREPLY=($(compgen -W "$(_metaforactl_tasks "$current")" \
			-- "$current")) ;;
	esac
}

complete -F _metaforactl metaforactl
