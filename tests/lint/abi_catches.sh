#!/bin/sh
# scripts/abi sees what would break a program that was compiled before, and asks for a line in the changelog: tried on a
# small tree with libraries of the same names. Argument: a scratch directory.
set -u
out=$1
bad=0
rm -rf "$out"
mkdir -p "$out/include/tenon/drivers" "$out/src"
cp -R scripts "$out/"
cd "$out" || exit 1

cat >CMakeLists.txt <<'TXT'
cmake_minimum_required(VERSION 3.22)
project(small VERSION 0.1.0 LANGUAGES C)
include_directories(include)
foreach(name IN ITEMS tenon tenon-posix tenon-serialport tenon-sim)
    add_library(${name} SHARED src/${name}.c)
    set_target_properties(${name} PROPERTIES C_VISIBILITY_PRESET hidden)
endforeach()
target_sources(tenon PRIVATE src/caller.c)
TXT
echo '#define TENON_VERSION_STRING "0.1.0"' >include/tenon/version.h
: >include/tenon/drivers/none.h
cat >include/tenon/thing.h <<'C'
#pragma once
#define TENON_API __attribute__((visibility("default")))
#define COLOUR int
struct tenon_secret;
enum tenon_colour {
    TENON_RED,
    TENON_BLUE
};
struct tenon_table {
    int (*paint)(int colour);
};
struct tenon_thing {
    struct tenon_secret *secret;
    unsigned char colour;
};
TENON_API int tenon_thing_paint(struct tenon_thing *self, COLOUR colour);
C
cat >src/tenon.c <<'C'
#include "tenon/thing.h"
struct tenon_secret {
    int count;
};
int tenon__hidden(int a);
int tenon__hidden(int a) { return a; }
int tenon_thing_paint(struct tenon_thing *self, COLOUR colour) { return self->secret->count + tenon__hidden((int)colour); }
C
# Who calls a function from another file must not hide it.
printf '%s\n' '#include "tenon/thing.h"' 'int tenon__call(void);' \
    'int tenon__call(void) { return tenon_thing_paint(0, 0); }' >src/caller.c
for name in posix serialport sim; do
    echo "__attribute__((visibility(\"default\"))) int tenon_$name(void); int tenon_$name(void) { return 0; }" >"src/tenon-$name.c"
done
printf '# Changelog\n\n## 0.1.0 (unreleased)\n' >CHANGELOG.md
echo /build/ >.gitignore

run() {
    bash scripts/abi "$@" >said.txt 2>&1
}
wrong() {
    echo "$1:"
    cat said.txt
    bad=1
}
commit() {
    git add -A && git -c user.name=test -c user.email=test@example.org commit -q -m "$1"
}
# differs CASE FILE SED TEXT: with that change the gate must fail and say this. The change is taken back.
differs() {
    cp "$2" kept
    sed -i "$3" "$2"
    run && wrong "$1 passes"
    grep -Fq "$4" said.txt && grep -q 'not what was agreed on' said.txt || wrong "$1: it does not say: $4, but"
    cp kept "$2"
}

git init -q . && run --update || wrong 'it cannot be agreed'
commit first || exit 1
run || wrong 'what was agreed on fails'
grep -q "$PWD" abi/*.abixml && wrong 'a dump knows where the tree lies'

differs 'a member' include/tenon/thing.h 's/unsigned char colour;/& unsigned char shade;/' "unsigned char shade"
differs 'the order of members' include/tenon/thing.h 's/struct tenon_secret \*secret;//; s/char colour;/& struct tenon_secret *secret;/' \
    "struct tenon_thing"
differs 'a method' include/tenon/thing.h 's/int (\*paint)(int colour);/& int (*wash)(void);/' 'wash'
differs 'the value of an enumerator' include/tenon/thing.h 's/TENON_RED,/TENON_RED = 5,/' 'TENON_BLUE'
differs 'a new enumerator' include/tenon/thing.h 's/TENON_BLUE/& , TENON_GREEN/' 'TENON_GREEN'
differs 'a parameter of a function that the library itself calls' include/tenon/thing.h 's/COLOUR int/COLOUR long/' \
    "'int' to 'long int'"
differs 'a function that has gone' src/tenon-sim.c 's/tenon_sim/tenon_other/g' "tenon_sim"
cp include/tenon/version.h kept
sed -i 's/0\.1\.0/0.2.0/' include/tenon/version.h
run && wrong 'a version without a section passes'
grep -q 'no section for 0.2.0' said.txt || wrong 'it does not miss the section'
cp kept include/tenon/version.h

# What programs cannot see may change.
sed -i 's/int count;/int more; &/; s/tenon__hidden(int a)/tenon__hidden(long a)/' src/tenon.c
run || wrong 'a change within fails'

# A change that is meant.
sed -i 's/unsigned char colour;/& unsigned char shade;/' include/tenon/thing.h
run --update || wrong 'a change cannot be agreed'
run && wrong 'a change that is not told passes'
grep -q 'without a line in CHANGELOG.md' said.txt || wrong 'it does not ask for a line'
commit untold
run && wrong 'a commit that does not tell passes'
echo '- Things have a shade.' >>CHANGELOG.md
git add -A && git -c user.name=test -c user.email=test@example.org commit -q --amend -m told
run || wrong 'a change that is told fails'
echo '- Things have a size.' >>CHANGELOG.md
commit ahead
sed -i 's/unsigned char shade;/& int size;/' include/tenon/thing.h
run --update || wrong 'another change cannot be agreed'
run || wrong 'a change that was told before it is committed fails'
commit later
run || wrong 'a change that was told before fails'

cd / && rm -rf "$out"
exit $bad
