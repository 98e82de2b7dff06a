# Compares two logs of arm_log, the first of them the reference. `how` is exact or near.
# Near: commands, roots and statuses must not differ in one bit; where the simulated arm truly is may differ by what the
# cosines of two maths libraries differ by, summed up over the run. 1e-9 rad is a million times less than an encoder
# resolves; 1.1e-16 rad was measured.
BEGIN {
    bound["log"] = 0
    bound["roots"] = 0
    bound["true"] = 1e-9
}

# The number whose bits these hexadecimal digits are: a double of 16, a float of 8.
function number(digits,    i, high, exponent, mantissa, width) {
    width = length(digits) == 16 ? 11 : 8
    high = 0
    for (i = 1; i <= 3; i++)
        high = 16 * high + index("0123456789abcdef", substr(digits, i, 1)) - 1
    mantissa = 0
    for (i = 4; i <= length(digits); i++)
        mantissa = 16 * mantissa + index("0123456789abcdef", substr(digits, i, 1)) - 1
    if (width == 8) { # of twelve bits: sign, eight of the exponent, three of the mantissa
        mantissa += (high % 8) * 1048576
        high = int(high / 8)
        exponent = high % 256 - 127 - 23
        mantissa += high % 256 > 0 ? 8388608 : 0
        return (high >= 256 ? -1 : 1) * mantissa * 2 ^ exponent
    }
    exponent = high % 2048 - 1023 - 52
    mantissa += high % 2048 > 0 ? 4503599627370496 : 0
    return (high >= 2048 ? -1 : 1) * mantissa * 2 ^ exponent
}

function distance(a, b) {
    return a > b ? a - b : b - a
}

$1 !~ /^(log|true|roots)$/ { next }
FNR == NR { reference[++lines] = $0; next }
{
    seen++
    if ($0 == reference[seen])
        next
    count = split(reference[seen], old)
    differing++
    if (count != NF || $1 != old[1]) {
        print "line " seen " is of another kind: " $0
        bad++
        next
    }
    for (i = 2; i <= NF; i++) {
        if ($i == old[i])
            continue
        gap = length($i) >= 8 ? distance(number($i), number(old[i])) : 1e9
        if (gap > most[$1])
            most[$1] = gap
        if (how == "exact" || gap > bound[$1]) {
            if (++bad <= 5)
                print "line " seen ", word " i ": " $i ", not " old[i] " (apart by " gap ")"
        }
    }
}
END {
    if (lines < 700 || seen != lines) {
        print seen + 0 " lines, the reference has " lines + 0
        bad++
    }
    print differing + 0 " of " lines + 0 " lines differ; commands by " most["log"] + 0 ", true angles by " most["true"] + 0
    exit bad > 0
}
