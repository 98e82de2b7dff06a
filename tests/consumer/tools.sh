#!/bin/sh
# tools.sh BUILD PREFIX CONFIG: the component "tools" is the tenon command, it runs where it was put, and nothing else comes.
set -eu
rm -rf "$2"
"$CMAKE" --install "$1" --prefix "$2" --config "$3" --component tools >/dev/null
[ "$(cd "$2" && find . ! -type d)" = ./bin/tenon ]
[ "$("$2/bin/tenon" --version)" = "tenon $VERSION" ]
