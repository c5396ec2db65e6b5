# SPDX-License-Identifier: Apache-2.0
# tests/{unit,conformance,fault}/test_<room>_<what>.c becomes one cmocka program linked with its room;
# fuzz/fuzz_<room>_<what>.c one libFuzzer program (preset fuzz), replayed over its corpus as a plain test.
if(BUILD_TESTING)
    pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)
    # The adapters of the barrier are headers: only their tests need the databases' clients.
    pkg_check_modules(MARIADB REQUIRED IMPORTED_TARGET libmariadb)
    foreach(kind unit conformance fault)
        file(GLOB tests CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/${kind}/test_*.c)
        foreach(source IN LISTS tests)
            get_filename_component(name ${source} NAME_WE)
            string(REGEX REPLACE "^test_([a-z]+)_.*$" "\\1" room ${name})
            add_executable(${name} ${source})
            target_link_libraries(${name} PRIVATE tidings_${room} PkgConfig::CMOCKA)
            target_compile_options(${name} PRIVATE -Wno-cast-qual -Wno-missing-prototypes)
            set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
            add_test(NAME ${kind}/${name} COMMAND ${name})
            set_tests_properties(${kind}/${name} PROPERTIES LABELS ${kind} TIMEOUT 400)
        endforeach()
    endforeach()
    target_link_libraries(test_once_barrier PRIVATE PkgConfig::SQLITE PkgConfig::MARIADB PkgConfig::PQ)
    target_link_libraries(test_receiver_soap PRIVATE PkgConfig::XML)
endif()

if(TIDINGS_FUZZ)
    file(GLOB fuzzers CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/fuzz/fuzz_*.c)
    foreach(source IN LISTS fuzzers)
        get_filename_component(name ${source} NAME_WE)
        string(REGEX REPLACE "^fuzz_([a-z]+)_.*$" "\\1" room ${name})
        string(REGEX REPLACE "^fuzz_" "" corpus ${name})
        add_executable(${name} ${source})
        target_link_libraries(${name} PRIVATE tidings_${room})
        target_compile_options(${name} PRIVATE -Wno-missing-prototypes)
        target_link_options(${name} PRIVATE -fsanitize=fuzzer)
        if(name STREQUAL "fuzz_http_policy") # compares ours with libcurl's
            target_link_libraries(${name} PRIVATE PkgConfig::CURL)
        endif()
        set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
        add_test(NAME fuzz/${corpus} COMMAND ${name} -runs=20000 -max_total_time=20
            ${CMAKE_BINARY_DIR}/fuzz/new_${corpus} ${CMAKE_SOURCE_DIR}/fuzz/corpus/${corpus})
        file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz/new_${corpus})
        set_tests_properties(fuzz/${corpus} PROPERTIES LABELS fuzz TIMEOUT 300)
    endforeach()
endif()

# The program with faults that a test switches on, see tests/fault/server/faults.c.
if(BUILD_TESTING)
    set(wrapped malloc calloc realloc fault_hit buf_clear net_conn_out index_submit index_batch_drop
        index_thread_run writer_run pthread_cond_timedwait)
    list(TRANSFORM wrapped PREPEND "-Wl,--wrap=")
    add_executable(tidings_faults $<TARGET_PROPERTY:tidings_cli,SOURCES>
        ${CMAKE_SOURCE_DIR}/tests/fault/server/faults.c)
    target_link_libraries(tidings_faults PRIVATE $<TARGET_PROPERTY:tidings_cli,LINK_LIBRARIES> PkgConfig::SQLITE)
    target_link_options(tidings_faults PRIVATE ${wrapped})
    set_target_properties(tidings_faults PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
endif()
