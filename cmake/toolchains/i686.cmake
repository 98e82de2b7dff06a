# 32-bit x86: a long is 32 bits, an int64_t may lie on a boundary of four bytes. SSE, so that floats are no wider than they say.
# Libraries of that architecture come from Debian's multiarch packages.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR i686)
set(CMAKE_C_COMPILER i686-linux-gnu-gcc)
set(CMAKE_C_FLAGS_INIT "-msse2 -mfpmath=sse")
if(NOT CMAKE_HOST_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64|i.86")
    set(CMAKE_CROSSCOMPILING_EMULATOR qemu-i386 -L /)
endif()
set(CMAKE_LIBRARY_ARCHITECTURE i386-linux-gnu)
set(ENV{PKG_CONFIG_LIBDIR} /usr/lib/i386-linux-gnu/pkgconfig)
