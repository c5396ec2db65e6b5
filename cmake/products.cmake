# SPDX-License-Identifier: Apache-2.0
# What is installed: the program `tidings`, the library libtidings (shared and static), its headers; and the
# demo services, which use only what is installed.

# ---- libtidings: the rooms base, ladder, wire, filter, sign, net, once, client; only tidings_* is visible ----
set(TIDINGS_LIBRARY_ROOMS base ladder wire filter sign net once client)
set(library_sources)
foreach(room IN LISTS TIDINGS_LIBRARY_ROOMS)
    file(GLOB room_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${room}/*.c)
    list(APPEND library_sources ${room_sources})
endforeach()
add_library(tidings_objects OBJECT ${library_sources})
target_link_libraries(tidings_objects PRIVATE tidings_flags PkgConfig::UV PkgConfig::JANSSON PkgConfig::ZLIB
    PkgConfig::OPENSSL)
add_library(tidings_shared SHARED $<TARGET_OBJECTS:tidings_objects>)

# The archive holds one object whose hidden names are local, so that a program cannot trip over them.
find_program(TIDINGS_OBJCOPY NAMES objcopy llvm-objcopy REQUIRED)
set(single_object ${CMAKE_BINARY_DIR}/libtidings_single.o)
add_custom_command(OUTPUT ${single_object}
    COMMAND ${CMAKE_LINKER} -r -o ${single_object} $<TARGET_OBJECTS:tidings_objects>
    COMMAND ${TIDINGS_OBJCOPY} --localize-hidden ${single_object}
    DEPENDS tidings_objects $<TARGET_OBJECTS:tidings_objects> COMMAND_EXPAND_LISTS VERBATIM)
add_library(tidings_static STATIC ${single_object})
set_source_files_properties(${single_object} PROPERTIES EXTERNAL_OBJECT TRUE GENERATED TRUE)
set_target_properties(tidings_static PROPERTIES LINKER_LANGUAGE C)

foreach(suffix shared static)
    target_link_libraries(tidings_${suffix} PRIVATE tidings_flags PkgConfig::UV PkgConfig::JANSSON
        PkgConfig::ZLIB PkgConfig::OPENSSL Threads::Threads)
    target_include_directories(tidings_${suffix} INTERFACE
        $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
    set_target_properties(tidings_${suffix} PROPERTIES OUTPUT_NAME tidings VERSION ${PROJECT_VERSION} SOVERSION 0)
endforeach()
target_link_options(tidings_shared PRIVATE -Wl,--version-script=${CMAKE_SOURCE_DIR}/cmake/tidings.map)
set_target_properties(tidings_shared PROPERTIES LINK_DEPENDS ${CMAKE_SOURCE_DIR}/cmake/tidings.map)

# ---- the program ----
add_executable(tidings $<TARGET_PROPERTY:tidings_cli,SOURCES>)
target_link_libraries(tidings PRIVATE $<TARGET_PROPERTY:tidings_cli,LINK_LIBRARIES>)

# Programs that are users of the library: no sources of ours but the public headers.
function(tidings_user name folder)
    target_compile_options(${name} PRIVATE ${TIDINGS_WARNINGS} -Wno-format-truncation)
    target_compile_definitions(${name} PRIVATE _GNU_SOURCE)
    target_link_libraries(${name} PRIVATE tidings_shared Threads::Threads)
    if(TIDINGS_SANITIZE)
        target_compile_options(${name} PRIVATE -fsanitize=${TIDINGS_SANITIZE})
        target_link_options(${name} PRIVATE -fsanitize=${TIDINGS_SANITIZE})
    endif()
    if(TIDINGS_COVERAGE)
        target_link_options(${name} PRIVATE --coverage)
    endif()
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/${folder})
endfunction()

# ---- the demo ----
foreach(service pay bank1)
    file(GLOB service_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/demo/${service}/*.c
        ${CMAKE_SOURCE_DIR}/demo/common/*.c)
    add_executable(demo_${service} ${service_sources})
    tidings_user(demo_${service} demo)
    target_link_libraries(demo_${service} PRIVATE PkgConfig::MHD PkgConfig::CURL PkgConfig::SQLITE
        PkgConfig::JANSSON)
    set_target_properties(demo_${service} PROPERTIES OUTPUT_NAME ${service})
endforeach()

# ---- test programs ----
file(GLOB interop_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/interop/c/*.c)
add_executable(interop_client ${interop_sources})
tidings_user(interop_client tests)
file(GLOB bench_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/bench/bench_*.c)
foreach(source IN LISTS bench_sources)
    get_filename_component(name ${source} NAME_WE)
    add_executable(${name} ${source})
    tidings_user(${name} tests)
endforeach()

# tests/bench/rooms/bench_<room>.c measures one room from within.
file(GLOB bench_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/bench/rooms/bench_*.c)
foreach(source IN LISTS bench_sources)
    get_filename_component(name ${source} NAME_WE)
    string(REGEX REPLACE "^bench_([a-z]+)$" "\\1" room ${name})
    add_executable(${name} ${source})
    target_link_libraries(${name} PRIVATE tidings_${room})
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
endforeach()

# ---- install ----
configure_file(${CMAKE_SOURCE_DIR}/packaging/tidings.pc.in ${CMAKE_BINARY_DIR}/tidings.pc @ONLY)
install(TARGETS tidings tidings_shared tidings_static)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/include/tidings DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES ${CMAKE_BINARY_DIR}/tidings.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(FILES ${CMAKE_SOURCE_DIR}/packaging/tidings.service DESTINATION lib/systemd/system)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/docs/man/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 FILES_MATCHING PATTERN "*.1")
install(DIRECTORY ${CMAKE_SOURCE_DIR}/docs/man/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man5 FILES_MATCHING PATTERN "*.5")
install(FILES ${CMAKE_SOURCE_DIR}/packaging/tidings.yaml ${CMAKE_SOURCE_DIR}/packaging/acl.yaml.example
    DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)
