#!/bin/sh
# What the step writes and other threads look at is written by atomic stores, but while nothing runs yet (register.c):
# the status and mover of a joint, its fault, and the status of a group.
set -u
found=$(grep -nHE '(->|\.)(status|mover) =($|[^=])|(joint|joints\[[a-z0-9]+\]|siblings\[[a-z]\])->diag(\.[a-z]+)? =($|[^=])' \
    $(ls src/*.c | grep -v '^src/register.c$') | grep -vE 'const.* =|out->')
[ -z "$found" ] || {
    echo "use tenon__joint_enter, tenon__joint_set_mover, tenon__diag_set or tenon__store8:"
    echo "$found"
    exit 1
}
