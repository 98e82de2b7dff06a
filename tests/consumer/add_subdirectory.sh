#!/bin/sh
# add_subdirectory.sh SCRATCH: tenon inside another project, as add_subdirectory or FetchContent does it.
set -eu
scratch=$1
here=$(cd "$(dirname "$0")" && pwd)
rm -rf "$scratch"
"$CMAKE" -S "$here/add_subdirectory" -B "$scratch" -G "$GENERATOR" -DCMAKE_C_COMPILER="$CC"
"$CMAKE" --build "$scratch" --parallel 2
"$scratch/program"
# What is ours alone stays at home.
if find "$scratch" -name 'test_*' -o -name 'hello_servo' -o -name 'libtenon.so*' | grep .; then
    echo "tests, examples or a second kind of library were built in a user's project"
    exit 1
fi
# And nothing of ours is installed with the user's program.
"$CMAKE" --install "$scratch" --prefix "$scratch/prefix"
[ "$(cd "$scratch/prefix" && find . -type f)" = ./bin/program ]
