# What `cmake --install` puts: include/tenon/, the libraries, the pkg-config files, the CMake package, and the tool.
include(CMakePackageConfigHelpers)

install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/tenon" DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        FILES_MATCHING PATTERN "*.h")

# pkg-config finds the prefix from where the .pc file lies, so that an installed tree can be moved.
file(RELATIVE_PATH TENON_PC_PREFIX
     "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig" "${CMAKE_INSTALL_PREFIX}")
string(REGEX REPLACE "/$" "" TENON_PC_PREFIX "${TENON_PC_PREFIX}")
foreach(dir IN ITEMS LIBDIR INCLUDEDIR)
    if(IS_ABSOLUTE "${CMAKE_INSTALL_${dir}}")
        set(TENON_PC_${dir} "${CMAKE_INSTALL_${dir}}")
    else()
        set(TENON_PC_${dir} "\${prefix}/${CMAKE_INSTALL_${dir}}")
    endif()
endforeach()
# A shared library brings what it needs; without one every user links that by himself.
if("shared" IN_LIST TENON_KINDS)
    set(TENON_PC_SERIALPORT_PRIVATE "libserialport >= 0.1.1")
    set(TENON_PC_SIM_PRIVATE "-lm")
else()
    set(TENON_PC_SERIALPORT_PUBLIC ", libserialport >= 0.1.1")
    set(TENON_PC_SIM_PUBLIC " -lm")
endif()
get_property(libraries GLOBAL PROPERTY TENON_LIBRARIES)
foreach(short IN LISTS libraries)
    if(short STREQUAL "tenon")
        set(name tenon)
    else()
        set(name tenon-${short})
    endif()
    configure_file("${PROJECT_SOURCE_DIR}/cmake/${name}.pc.in"
                   "${PROJECT_BINARY_DIR}/pkgconfig/${name}.pc" @ONLY)
    install(FILES "${PROJECT_BINARY_DIR}/pkgconfig/${name}.pc"
            DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/tenon)
foreach(kind IN LISTS TENON_KINDS)
    install(EXPORT tenon-${kind} NAMESPACE tenon:: DESTINATION ${package_dir})
    if(TENON_HAS_SERIALPORT)
        install(EXPORT tenonSerialport-${kind} NAMESPACE tenon:: DESTINATION ${package_dir})
    endif()
endforeach()
configure_package_config_file(cmake/tenonConfig.cmake.in
    "${PROJECT_BINARY_DIR}/tenonConfig.cmake" INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file("${PROJECT_BINARY_DIR}/tenonConfigVersion.cmake"
    COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/tenonConfig.cmake" "${PROJECT_BINARY_DIR}/tenonConfigVersion.cmake"
        DESTINATION ${package_dir})
