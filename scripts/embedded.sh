# What `scripts/test --embedded` does: builds for each machine and runs the tests there. Read with `.` by scripts/test.

out=build/embedded
reference=$PWD/$out/arm_log.txt

# build_for TARGET SOURCE CMAKE_TARGET [CMAKE ARGS...]; what it says is kept, and shown if it fails.
build_for() {
    local directory=$out/$1 source=$2 what=$3 log=$out/$1.build.log
    shift 3
    {
        cmake -S "$source" -B "$directory" -G Ninja "$@" && cmake --build "$directory" --parallel 2 --target "$what"
    } >"$log" 2>&1 || { tail -n 30 "$log"; echo "$directory: does not build (all of it in $log)"; return 1; }
}

# Sanitizers, libserialport and packages are looked at elsewhere; -O2 because emulators are slow.
hosted=(-DCMAKE_BUILD_TYPE=Release -DCMAKE_C_FLAGS_RELEASE=-O2 -DTENON_WERROR=ON -DTENON_BUILD_BOTH=OFF
    -DTENON_BUILD_SERIALPORT=OFF -DTENON_INSTALL=OFF)

# The log that all others are compared with: x86-64, gcc.
make_reference() {
    build_for host . arm_log "${hosted[@]}" -DCMAKE_C_COMPILER=gcc &&
        "$out/host/tests/portability/arm_log" >"$reference" 2>/dev/null
}

build_target() {
    local toolchain=-DCMAKE_TOOLCHAIN_FILE=$PWD/cmake/toolchains/$1.cmake
    local compared=-DTENON_REFERENCE_LOG=$reference
    case $1 in
        clang) build_for clang . arm_log "${hosted[@]}" -DCMAKE_C_COMPILER=clang -DCMAKE_BUILD_TYPE=Debug "$compared" ;;
        i686 | armhf | s390x) build_for "$1" . all "${hosted[@]}" "$toolchain" "$compared" ;;
        *) build_for "$1" tests/embedded all -DCMAKE_BUILD_TYPE=MinSizeRel "$toolchain" "$compared" ;;
    esac
}

# What of a target's tests is run.
tests_of() {
    case $1 in
        clang) printf '%s\n' -R '^portability\.arm_log$' ;;
        # Sweeps of whole arms, which would take many minutes in an emulator; i686 runs them as they are.
        armhf | s390x) printf '%s\n' -E '^integration\.test_(arm_faults|bus_silence)$' ;;
    esac
}

test_target() {
    # shellcheck disable=SC2046
    ctest --test-dir "$out/$1" -j 2 --no-tests=error --output-on-failure $(tests_of "$1") >"$out/$1.log" 2>&1
}

# add_up TARGET: its line, and the sum.
add_up() {
    local all_passed=$total_passed all_failed=$total_failed all_skipped=$total_skipped
    count_tests "$out/$1.log"
    printf "%-11s " "$1"
    closing_line
    [ "$failed" = 0 ] || grep -vE '^( *[0-9]+/[0-9]+ Test|    Start) .*(Passed|[0-9]: )' "$out/$1.log" | tail -n 60
    total_passed=$((all_passed + passed)) total_failed=$((all_failed + failed)) total_skipped=$((all_skipped + skipped))
}

# run_embedded [TARGET...]: sets $passed, $failed and $skipped.
run_embedded() {
    local target bare=() total_passed=0 total_failed=0 total_skipped=0
    [ $# -gt 0 ] || set -- clang i686 armhf s390x cortex-m3 cortex-m4f cortex-m7 rv32
    ensure_packages embedded
    mkdir -p "$out"
    make_reference || return
    for target in "$@"; do
        rm -f "$out/$target.log"
        build_target "$target" || { total_failed=$((total_failed + 1)); continue; }
        case $target in
            cortex-* | rv32) bare+=("$target") ;; # one long test each: side by side, below
            *) test_target "$target"; add_up "$target" ;;
        esac
    done
    for target in "${bare[@]}"; do
        test_target "$target" &
    done
    wait
    for target in "${bare[@]}"; do
        add_up "$target"
    done
    passed=$total_passed failed=$total_failed skipped=$total_skipped
}
