# Attributes are of no interest to a reader.
/^#define TENON_API\( \|$\)/d
/^#define TENON_NODISCARD\( \|$\)/d
# Members below a line "/* private ... */" are the library's own: hidden from the reference.
\#^ *}#{
x
s#private##
x
t close
b
:close
s#^ *}#/** @endcond */ }#
b
}
\#/\* private[^*]*\*/#{
x
s#^#private#
x
s#/\* private[^*]*\*/#/** @cond */#
}
