#!/bin/sh
# install.sh BUILD_DIR PREFIX CONFIG
set -eu
rm -rf "$2"
"${CMAKE:-cmake}" --install "$1" --prefix "$2" ${3:+--config "$3"}
