# tenon_objects(<name>): an object library, compiled once for both kinds of library.
# Rooms create one and add their files with target_sources().
function(tenon_objects name)
    add_library(${name} OBJECT)
    tenon_compile_strictly(${name})
    target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}/include")
    if("shared" IN_LIST TENON_KINDS)
        set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE ON)
    endif()
endfunction()

# tenon_library(<short> FILE <basename> EXPORT <set> OBJECTS <object libs> [PUBLIC <shorts>] [PRIVATE <targets>])
# Makes tenon_<short>_shared and/or tenon_<short>_static, seen by users as tenon::<short>_shared, tenon::<short>_static
# and, in this build, tenon::<short>.
function(tenon_library short)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "FILE;EXPORT" "OBJECTS;PUBLIC;PRIVATE")
    set(sources "")
    foreach(objects IN LISTS arg_OBJECTS)
        list(APPEND sources $<TARGET_OBJECTS:${objects}>)
    endforeach()
    foreach(kind IN LISTS TENON_KINDS)
        set(target tenon_${short}_${kind})
        string(TOUPPER ${kind} cmake_kind)
        add_library(${target} ${cmake_kind} ${sources})
        add_library(tenon::${short}_${kind} ALIAS ${target})
        set_target_properties(${target} PROPERTIES
            OUTPUT_NAME ${arg_FILE}
            EXPORT_NAME ${short}_${kind}
            LINKER_LANGUAGE C
            VERSION ${PROJECT_VERSION}
            SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
        target_include_directories(${target} PUBLIC
            $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
            $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
        foreach(needed IN LISTS arg_PUBLIC)
            target_link_libraries(${target} PUBLIC tenon_${needed}_${kind})
        endforeach()
        target_link_libraries(${target} PRIVATE ${arg_PRIVATE})
        if(TENON_SANITIZE)
            target_link_options(${target} PUBLIC $<BUILD_INTERFACE:-fsanitize=${TENON_SANITIZE}>)
        elseif(kind STREQUAL "shared" AND CMAKE_C_COMPILER_ID MATCHES "GNU|Clang" AND UNIX AND NOT APPLE)
            target_link_options(${target} PRIVATE -Wl,--no-undefined)
        endif()
        if(TENON_INSTALL)
            install(TARGETS ${target} EXPORT ${arg_EXPORT}-${kind})
        endif()
    endforeach()
    add_library(tenon::${short} ALIAS tenon_${short}_${TENON_DEFAULT_KIND})
    set_property(GLOBAL APPEND PROPERTY TENON_LIBRARIES ${short})
endfunction()
