# Shell helpers that the scripts share; read it with `. scripts/lib.sh` from the top of the tree. Needs bash.

# The one list of packages (Debian and Ubuntu names).
packages_for() {
    case $1 in
        build) echo cmake gcc g++ make ninja-build pkg-config libserialport-dev ;;
        test) packages_for build; echo libcmocka-dev ;;
        demo) packages_for build; echo libcmocka-dev gnuplot-nox ;;
        bench) packages_for build; echo valgrind strace gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm ;;
        lateness) echo rt-tests ;;
        embedded)
            packages_for test
            echo clang qemu-user qemu-system-arm qemu-system-misc gcc-arm-none-eabi gcc-riscv64-unknown-elf
            echo gcc-i686-linux-gnu libc6-dev-i386-cross libcmocka-dev:i386
            echo gcc-arm-linux-gnueabihf libc6-dev-armhf-cross libcmocka-dev:armhf
            echo gcc-s390x-linux-gnu libc6-dev-s390x-cross libcmocka-dev:s390x
            ;;
        abi) packages_for build; echo abigail-tools git ;;
        ci)
            packages_for test
            packages_for abi
            echo clang clang-tidy clang-format cppcheck libclang-rt-14-dev doxygen valgrind
            echo gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm
            ;;
        *) echo "packages_for: $1?" >&2; return 1 ;;
    esac
}

# Whether what a package brings is there, however it came.
have_package() {
    case $1 in
        ninja-build) command -v ninja >/dev/null || command -v ninja-build >/dev/null ;;
        gnuplot-nox) command -v gnuplot >/dev/null ;;
        rt-tests) command -v cyclictest >/dev/null ;;
        gcc-*) command -v "${1#gcc-}-gcc" >/dev/null ;;
        qemu-user) command -v qemu-arm >/dev/null && command -v qemu-s390x >/dev/null ;;
        qemu-system-misc) command -v qemu-system-riscv32 >/dev/null ;;
        abigail-tools) command -v abidiff >/dev/null ;;
        libserialport-dev) command -v pkg-config >/dev/null && pkg-config --exists libserialport ;;
        libcmocka-dev) command -v pkg-config >/dev/null && pkg-config --exists cmocka ;;
        lib*) dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'ok installed' ;;
        *) command -v "$1" >/dev/null ;;
    esac
}

# as_root COMMAND...: with sudo where that is needed.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

apt_get() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -q -y "$@"
}

# ensure_packages SET...: install what is missing of the sets; where that is not possible, name it and stop.
ensure_packages() {
    local set package missing=() try
    for set in "$@"; do
        for package in $(packages_for "$set"); do
            have_package "$package" || missing+=("$package")
        done
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    if ! command -v apt-get >/dev/null || { [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; }; then
        echo "Please install these packages (Debian names) and try again: ${missing[*]}" >&2
        exit 1
    fi
    echo "installing: ${missing[*]}" >&2
    for package in "${missing[@]}"; do
        [[ $package != *:* ]] || as_root dpkg --add-architecture "${package#*:}" || exit 1
    done
    for try in 1 2 3; do
        # Another program may hold the lists, or the mirror be slow: once more, then give up. A list that is not there
        # does no harm if none of the packages is in it.
        apt_get update >/dev/null
        if apt_get install --no-install-recommends "${missing[@]}" >/dev/null; then
            return 0
        fi
        [ "$try" = 3 ] || sleep $((try * 5))
    done
    echo "Could not install: ${missing[*]}" >&2
    exit 1
}

# configure_preset PRESET [CMAKE ARGS...]: with ninja where there is one; a build directory keeps its generator.
configure_preset() {
    local preset=$1
    shift
    if [ ! -e "build/$preset/CMakeCache.txt" ] && command -v ninja >/dev/null; then
        set -- -G Ninja "$@"
    fi
    cmake --preset "$preset" "$@"
}

# build_preset PRESET [CMAKE ARGS...]
build_preset() {
    local preset=$1
    shift
    cmake --build --preset "$preset" --parallel 2 "$@"
}

# count_tests LOG: set $passed, $failed and $skipped from what ctest printed into LOG; nothing readable is one failure.
count_tests() {
    local summary total
    summary=$(sed -n 's/^[0-9]*% tests passed, \([0-9]*\) tests failed out of \([0-9]*\)$/\1 \2/p' "$1" | tail -n 1)
    failed=${summary% *} total=${summary#* }
    if [ -z "$summary" ] || [ "$total" = 0 ]; then
        passed=0 failed=1 skipped=0
        return
    fi
    skipped=$(grep -cE '\*\*\*Skipped|\(Disabled\)' "$1" || true)
    passed=$((total - failed - skipped))
}

# closing_line: passed, failed (and skipped, if any), in the form that programs read too.
closing_line() {
    if [ "$skipped" -gt 0 ]; then
        echo "$passed passed, $failed failed, $skipped skipped"
    else
        echo "$passed passed, $failed failed"
    fi
}

# read_closing_line LOG: the inverse, from the last line of a log; anything else is one failure.
read_closing_line() {
    local line
    line=$(tail -n 1 "$1" | grep -Ex "[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?" || echo "0 passed, 1 failed")
    passed=${line%% *}
    failed=$(echo "$line" | sed "s/.*passed, \([0-9]*\) failed.*/\1/")
    skipped=$(echo "$line" | sed -n "s/.*, \([0-9]*\) skipped$/\1/p")
    skipped=${skipped:-0}
}
