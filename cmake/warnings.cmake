# The warnings all of the project's own C is clean of, with gcc and with clang.
set(TENON_WARNING_FLAGS
    -Wall
    -Wextra
    -Wpedantic
    -Wconversion
    -Wsign-conversion
    -Wdouble-promotion
    -Wfloat-equal
    -Wshadow
    -Wundef
    -Wcast-align
    -Wcast-qual
    -Wswitch-enum
    -Wmissing-prototypes
    -Wstrict-prototypes
    -Wvla
    -Wformat=2
    -Wnull-dereference
    -Wwrite-strings)

# C11 without extensions, no fused multiply-add (results are the same for every compiler), warnings.
function(tenon_compile_strictly target)
    set_target_properties(${target} PROPERTIES
        C_STANDARD 11
        C_STANDARD_REQUIRED ON
        C_EXTENSIONS OFF
        C_VISIBILITY_PRESET hidden)
    target_compile_options(${target} PRIVATE -ffp-contract=off)
    if(TENON_WARNINGS)
        target_compile_options(${target} PRIVATE ${TENON_WARNING_FLAGS})
    endif()
    if(TENON_WERROR)
        target_compile_options(${target} PRIVATE -Werror)
    endif()
    if(TENON_SANITIZE)
        target_compile_options(${target} PRIVATE
            -fsanitize=${TENON_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
        target_link_options(${target} PRIVATE -fsanitize=${TENON_SANITIZE})
    endif()
endfunction()
