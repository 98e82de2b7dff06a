#!/bin/sh
# pkgconfig.sh PREFIX shared|static c|cxx SCRATCH: build and run the consumer program with what pkg-config says.
set -eu
prefix=$1 kind=$2 language=$3 scratch=$4
here=$(dirname "$0")
rm -rf "$scratch"
mkdir -p "$scratch"
PKG_CONFIG_PATH="$prefix/$LIBDIR/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}"
export PKG_CONFIG_PATH
packages='tenon-serialport tenon-posix tenon-sim'

[ "$(pkg-config --modversion tenon)" = "$VERSION" ]
case $kind in
    static) flags="-static $(pkg-config --static --cflags --libs $packages)" ;;
    shared) flags="$(pkg-config --cflags --libs $packages) -Wl,-rpath,$prefix/$LIBDIR" ;;
esac
set -x
case $language in
    c) $CC -std=c11 -Wall -Wextra -Wpedantic -Werror "$here/program.c" -o "$scratch/program" $flags ;;
    cxx) $CXX -std=c++17 -Wall -Wextra -Wpedantic -Werror "$here/program.cpp" -o "$scratch/program" $flags ;;
esac
sh "$here/run.sh" "$scratch/program" "$kind"
