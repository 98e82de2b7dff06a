# The four libraries. The codec is private to both that need it, so each carries its own hidden copy.
tenon_library(tenon FILE tenon EXPORT tenon
    OBJECTS tenon_core_objects tenon_driver_objects tenon_codec_objects)

if(TENON_HAS_SERIALPORT)
    # An export set of its own: who installs without libserialport's development files can still use the rest.
    tenon_library(serialport FILE tenon-serialport EXPORT tenonSerialport
        OBJECTS tenon_serialport_objects
        PUBLIC tenon
        PRIVATE PkgConfig::libserialport)
endif()

if(TENON_BUILD_POSIX)
    find_package(Threads REQUIRED) # of the watchdog
    tenon_library(posix FILE tenon-posix EXPORT tenon
        OBJECTS tenon_posix_objects
        PUBLIC tenon
        PRIVATE Threads::Threads)
endif()

if(TENON_BUILD_SIM)
    find_library(TENON_LIBM m)
    mark_as_advanced(TENON_LIBM)
    tenon_library(sim FILE tenon-sim EXPORT tenon
        OBJECTS tenon_sim_objects tenon_codec_objects
        PUBLIC tenon
        PRIVATE $<$<BOOL:${TENON_LIBM}>:m>)
endif()
