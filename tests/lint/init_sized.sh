#!/bin/sh
# Whoever makes an object passes the size it was compiled with: an exported init is called *_init_sized and takes `size`
# after `self`; the one that programs call is inline and passes `sizeof *self`. A scheduler takes the sizes of all that is
# added to it, which has no init of its own.
set -u
cat include/tenon/*.h include/tenon/drivers/*.h | awk '
    { sub(/^ *\/?\*.*/, ""); text = text " " $0 }
    END {
        gsub(/ +/, " ", text)
        while (match(text, /(TENON_API|static inline) [^;{]*tenon_[a-z0-9_]*_init[a-z_]* ?\([^)]*\)/)) {
            declaration = substr(text, RSTART, RLENGTH)
            text = substr(text, RSTART + RLENGTH)
            name = declaration
            sub(/ ?\(.*/, "", name)
            sub(/.*[ *]/, "", name)
            body = text
            sub(/(TENON_API|static inline|#ifdef).*/, "", body)
            count++
            if (declaration ~ /^TENON_API/ && declaration !~ /_sized.*\( ?struct [a-z0-9_]+ \*self, (size_t size|const struct tenon_sizes \*sizes)[,)]/) {
                print name ": takes no size"
                bad = 1
            }
            if (declaration ~ /^static/ && body !~ /_init_((config_)?sized\(self, sizeof \*self|config\(self)/ && body !~ /= TENON_SIZES;/) {
                print name ": passes no size"
                bad = 1
            }
        }
        print count + 0 " ways to make an object"
        exit bad || count == 0
    }'
