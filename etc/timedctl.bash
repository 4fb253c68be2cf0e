# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# Completion of timedctl(8) in bash.  It knows nothing of the commands: it asks
# timedctl how the words may go on.

_timedctl()
{
	local current=${COMP_WORDS[COMP_CWORD]} command=1

	# What comes before the command.
	while [ "$command" -lt "$COMP_CWORD" ]; do
		case ${COMP_WORDS[command]} in
		-r | --runtime-dir) command=$((command + 2)) ;;
		-*) command=$((command + 1)) ;;
		*) break ;;
		esac
	done
	if [ "$command" -gt "$COMP_CWORD" ]; then
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -d -- "$current")
	elif [ "$command" -eq "$COMP_CWORD" ] && [[ $current == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$("$1" --help |
			grep -Eo '^  -[a-z], --[a-z-]+' | tr -d ,)" -- "$current")
	else
		mapfile -t COMPREPLY < <("$1" --complete \
			"${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
	fi
}

complete -F _timedctl timedctl
