# Big-endian, with unsigned char.
# Libraries of that architecture come from Debian's multiarch packages.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR s390x)
set(CMAKE_C_COMPILER s390x-linux-gnu-gcc)
# With -std=c11 this compiler would compute floats as doubles, though the machine has both.
set(CMAKE_C_FLAGS_INIT "-fexcess-precision=fast")
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-s390x -L /)
set(CMAKE_LIBRARY_ARCHITECTURE s390x-linux-gnu)
set(ENV{PKG_CONFIG_LIBDIR} /usr/lib/s390x-linux-gnu/pkgconfig)
