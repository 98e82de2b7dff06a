# Reads what `readelf --debug-dump=info` prints; writes one line for each struct or union of the project and one for each
# of its members, and which members are enums.

function value(    text) {
    text = $0
    sub(/^[^:]*: */, "", text)
    sub(/^\(ind[^)]*\): */, "", text)
    sub(/[ \t]+$/, "", text)
    return text
}

function reference_in(text) {
    gsub(/[<>]|0x|[ \t]/, "", text)
    return text
}

# Through typedefs, qualifiers and arrays; not through pointers.
function is_enum(at) {
    while (tag[at] ~ /typedef|const|volatile|array/)
        at = type[at]
    return tag[at] ~ /enumeration/
}

/Abbrev Number/ {
    text = $0
    sub(/^ *</, "", text)
    depth = text + 0
    sub(/^[0-9]*></, "", text)
    entry = text
    sub(/>.*/, "", entry)
    parent[depth] = entry
    tag[entry] = $0
    sub(/.*\(DW_TAG_/, "", tag[entry])
    sub(/\).*/, "", tag[entry])
    owner[entry] = depth > 0 ? parent[depth - 1] : ""
    order[++entries] = entry
    next
}
/DW_AT_name/ { name[entry] = value() }
/DW_AT_byte_size/ { size[entry] = value() }
/DW_AT_type/ { type[entry] = reference_in(value()) }
/DW_AT_data_member_location/ { offset[entry] = value() }
END {
    for (i = 1; i <= entries; i++) {
        at = order[i]
        if (tag[at] ~ /^(structure|union)_type$/ && name[at] ~ /^tenon_/ && size[at] != "") {
            print "struct " name[at] " " size[at]
        } else if (tag[at] == "member" && name[owner[at]] ~ /^tenon_/) {
            print "  " name[owner[at]] "." name[at] " " offset[at]
            if (is_enum(type[at]))
                print "  " name[owner[at]] "." name[at] " is an enum"
        }
    }
}
