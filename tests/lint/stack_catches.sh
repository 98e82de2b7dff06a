#!/bin/sh
# scripts/stack adds up the deepest chain, and refuses what it cannot know. Argument: a scratch directory.
set -u
out=$1
bad=0

# graph TABLE-LINES: the source is read from standard input; what the script says goes to said.txt.
graph() {
    rm -rf "$out"
    mkdir -p "$out/objects"
    cat >"$out/fixture.c"
    printf '%s\n' "$1" >"$out/table.txt"
    gcc -std=c11 -Os -fno-pic -fno-pie -fno-stack-protector -fno-optimize-sibling-calls \
        -ffunction-sections -fdata-sections -fcallgraph-info=su,da -c "$out/fixture.c" -o "$out/objects/fixture.o" || exit 1
    OBJDUMP=objdump scripts/stack "$out/table.txt" "$out/objects" root >"$out/said.txt" 2>&1
}
refused() { # CASE TEXT
    [ "$2" = 0 ] && {
        echo "$1 passes"
        bad=1
    }
    grep -Fq "$3" "$out/said.txt" || {
        echo "$1: it does not say: $3, but:"
        cat "$out/said.txt"
        bad=1
    }
}
api='struct api { int (*run)(int); };
int root(const struct api *api, int x);
int other(int x);
#define APART __attribute__((noinline, noclone, noipa))
static APART int work(int x) { volatile char b[400]; b[0] = (char)x; return b[0]; }
static APART int less(int x) { volatile char b[20]; b[0] = (char)x; return b[0]; }
const struct api tables[] = {{work}, {less}};'
plain="$api
int root(const struct api *api, int x) { return api->run(x) + 1; }"

echo "$plain" | graph 'call fixture.c:api.run work less'
[ $? = 0 ] || {
    echo 'a sound graph is refused:'
    cat "$out/said.txt"
    bad=1
}
# The deeper of the two is taken, and the sum is that of the frames.
tr -d ':,' <"$out/said.txt" | awk '
    NR == 1 && $1 == "root" && $3 == "root" && $5 == "fixture.cwork" && NF == 6 && $6 > 200 && $2 == $4 + $6 { sound = 1 }
    END { exit !(sound && NR == 1) }' || {
    echo 'the deepest chain is not told:'
    cat "$out/said.txt"
    bad=1
}

echo "$api
static inline int checked(int rc) { return rc < 0 ? -1 : rc; }
int root(const struct api *api, int x) { return checked(api->run(x)); }" | graph 'call fixture.c:api.run work less' || {
    echo 'a call within a call is refused:'
    cat "$out/said.txt"
    bad=1
}

echo "$plain" | graph ''
refused 'an undeclared call' $? 'fixture.c:8:49: nothing says what api.run calls'
echo "$plain" | graph 'call fixture.c:api.run work'
refused 'an undeclared target' $? 'the address of fixture.c:less is taken'
echo "$plain" | graph 'call fixture.c:api.run work less ghost'
refused 'a target that is not there' $? 'nothing says how much stack ghost takes'

echo "$plain
static APART int down(int x) { return x > 0 ? down(x - 1) + other(x) : 0; }
int other(int x) { return down(x) + 1; }" | graph 'call fixture.c:api.run work less'
refused 'a function that calls itself' $? 'recursion'
echo "$api
static APART int back(int x) { return root(tables, x) + 1; }
const struct api again = {back};
int root(const struct api *api, int x) { return api->run(x) + 1; }" | graph 'call api.run fixture.c:work fixture.c:less fixture.c:back'
refused 'recursion through a table' $? 'recursion: root fixture.c:back root'

# What the source itself tells: tables of roles, and arrays by their name.
role="$api
struct tenon_pump_api { int head; int (*suck)(int); int (*blow)(int); };
static const struct tenon_pump_api *tenon_pump_get_api(const struct tenon_pump_api *const *p) { return *p; }
int root(const struct api *api, int x) { return tenon_pump_get_api((const void *)api)->suck(x); }"
echo "$role
const struct tenon_pump_api pump = {
    .head = 1, .suck = work, .blow = less};" | graph 'call fixture.c:api.run @tables' && grep -q 'fixture.c:work' "$out/said.txt" || {
    echo 'the table of a role is not read:'
    cat "$out/said.txt"
    bad=1
}
echo "$role
static APART int last(int x) { return x; }
const struct tenon_pump_api pump = {1, work, last};" | graph 'call fixture.c:api.run @tables'
refused 'a table without the names of methods' $? 'the address of fixture.c:last is taken'
echo "$role
static APART int fool(int x) { return root(tables, x) + 1; }
const struct tenon_pump_api pump = {.suck = fool, .blow = less};" | graph 'call fixture.c:api.run @tables'
refused 'recursion through a role' $? 'recursion: root fixture.c:fool root'
echo "$plain" | graph 'table fixture.c:api pump
call pump.run fixture.c:work fixture.c:less' && grep -q 'fixture.c:work' "$out/said.txt" || {
    echo 'another name for the table of a role is not known:'
    cat "$out/said.txt"
    bad=1
}

elsewhere="$api
int root(const struct api *api, int x) { return api->run(x) + other(x); }"
echo "$elsewhere" | graph 'call fixture.c:api.run work less'
refused 'a function without a size' $? 'nothing says how much stack other takes'
echo "$elsewhere" | graph 'call fixture.c:api.run work less
library 4000 oth*' && grep -q ', other 4000$' "$out/said.txt" || {
    echo 'a library function is not counted:'
    cat "$out/said.txt"
    bad=1
}
echo "$api
int root(const struct api *api, int x) { volatile char b[x]; b[0] = 1; return api->run(b[0]) + 1; }" |
    graph 'call fixture.c:api.run work less'
refused 'a frame that grows' $? 'root: its frame grows at run time'
echo "$plain" | graph 'cal fixture.c:api.run work less'
refused 'a line that means nothing' $? 'table.txt:1: neither call nor table nor library'

rm -rf "$out"
exit $bad
