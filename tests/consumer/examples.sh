#!/bin/sh
# examples.sh PREFIX SCRATCH: every example also builds against the installed package.
set -eu
prefix=$1 scratch=$2
here=$(cd "$(dirname "$0")" && pwd)
rm -rf "$scratch"
"$CMAKE" -S "$here/examples" -B "$scratch" -G "$GENERATOR" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_COMPILER="$CC"
"$CMAKE" --build "$scratch"
count=0
for source in examples/*.c; do
    [ -x "$scratch/examples/$(basename "$source" .c)" ]
    count=$((count + 1))
done
echo "$count examples"
[ "$count" -gt 0 ]
