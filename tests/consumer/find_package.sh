#!/bin/sh
# find_package.sh PREFIX shared|static c|cxx SCRATCH: build and run the consumer program with the CMake package.
set -eu
prefix=$1 kind=$2 language=$3 scratch=$4
here=$(cd "$(dirname "$0")" && pwd)
rm -rf "$scratch"
# Language and kind travel in variables; components and TENON_SHARED are tried in turn, so that both stay true.
case $language in
    c) choice="-DCONSUMER_COMPONENTS=$kind" ;;
    cxx) choice="-DTENON_SHARED=$([ "$kind" = shared ] && echo ON || echo OFF)" ;;
esac
"$CMAKE" -S "$here/find_package" -B "$scratch" -G "$GENERATOR" -DCMAKE_PREFIX_PATH="$prefix" \
    -DCMAKE_C_COMPILER="$CC" -DCMAKE_CXX_COMPILER="$CXX" -DCONSUMER_LANGUAGE="$language" "$choice" \
    -DCONSUMER_VERSION="${VERSION%.*}"
"$CMAKE" --build "$scratch"
sh "$here/run.sh" "$scratch/program" "$kind"
