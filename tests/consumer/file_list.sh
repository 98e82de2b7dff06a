#!/bin/sh
# file_list.sh PREFIX: what is installed is exactly what is promised. LIBDIR, VERSION and KINDS describe the build.
set -eu
prefix=$1
soversion=${VERSION%.*}
libraries='tenon tenon-posix tenon-serialport tenon-sim'

expected() {
    find include -name '*.h'
    for library in $libraries; do
        echo "$LIBDIR/pkgconfig/$library.pc"
        for kind in $KINDS; do
            case $kind in
                static) echo "$LIBDIR/lib$library.a" ;;
                shared) printf '%s\n' "$LIBDIR/lib$library.so" "$LIBDIR/lib$library.so.$soversion" \
                    "$LIBDIR/lib$library.so.$VERSION" ;;
            esac
        done
    done
    echo "$LIBDIR/cmake/tenon/tenonConfig.cmake"
    echo "$LIBDIR/cmake/tenon/tenonConfigVersion.cmake"
    for kind in $KINDS; do
        for set in tenon tenonSerialport; do
            echo "$LIBDIR/cmake/tenon/$set-$kind.cmake"
            echo "$LIBDIR/cmake/tenon/$set-$kind-CONFIG.cmake"
        done
    done
}

expected | sort >"$prefix.expected"
(cd "$prefix" && find . ! -type d) | sed 's|^\./||' |
    sed -E 's/-(debug|release|minsizerel|relwithdebinfo|noconfig)\.cmake$/-CONFIG.cmake/' | sort >"$prefix.installed"
echo "< promised, > installed:"
diff "$prefix.expected" "$prefix.installed"
# All else in the include tree would go unnoticed, for only headers are installed.
if find include -type f ! -name '*.h' | grep .; then
    echo "not a header, in include/"
    exit 1
fi
