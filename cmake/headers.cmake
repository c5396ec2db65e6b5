# SPDX-License-Identifier: Apache-2.0
# Every public header compiles alone, warnings being errors, in the oldest C and C++ that its users may
# have: C99, C++11, C++17. One test per header and language; the compilers are those of GNU, because
# -pedantic is strictest there, and the one that builds the rest, where that is another.
if(BUILD_TESTING)
    find_program(TIDINGS_GCC gcc REQUIRED)
    find_program(TIDINGS_GXX g++ REQUIRED)
    set(driver_folders) # the headers of the database clients, which the adapters include
    foreach(folder IN LISTS MARIADB_INCLUDE_DIRS PQ_INCLUDE_DIRS)
        list(APPEND driver_folders -isystem ${folder})
    endforeach()
    file(GLOB public_headers CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/include/tidings/*.h)

    function(tidings_header_test header language standard compiler)
        get_filename_component(name ${header} NAME)
        get_filename_component(by ${compiler} NAME)
        set(test headers/${name}-${standard}-${by})
        add_test(NAME ${test} COMMAND ${compiler} -fsyntax-only -x ${language} -std=${standard}
            -pedantic -Wall -Wextra -Werror ${ARGN} -I ${CMAKE_SOURCE_DIR}/include ${driver_folders} ${header})
        set_tests_properties(${test} PROPERTIES LABELS headers TIMEOUT 60)
    endfunction()

    foreach(header IN LISTS public_headers)
        set(strict_c -Wstrict-prototypes -Wundef -Wconversion)
        set(strict_cxx -Wundef -Wconversion -Wold-style-cast -Wzero-as-null-pointer-constant)
        tidings_header_test(${header} c c99 ${TIDINGS_GCC} ${strict_c})
        tidings_header_test(${header} c++ c++11 ${TIDINGS_GXX} ${strict_cxx})
        tidings_header_test(${header} c++ c++17 ${TIDINGS_GXX} ${strict_cxx})
        if(CMAKE_C_COMPILER_ID MATCHES "Clang")
            # A header of inline functions, compiled as if it were a source, uses none of them.
            tidings_header_test(${header} c c99 ${CMAKE_C_COMPILER} ${strict_c} -Wno-unused-function)
        endif()
    endforeach()
endif()
