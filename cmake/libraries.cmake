# SPDX-License-Identifier: Apache-2.0
# tidings_when_needed(NAME PKG): the headers of a library that is opened when it is first needed (src/base/library.h),
# and the name to open it by: TIDINGS_FILE_NAME, the soname of the library that pkg-config found. Nothing is linked, so
# that a call which does not go through the room's table does not link either.
function(tidings_when_needed name pkg)
    set(file)
    foreach(library IN LISTS ${pkg}_LINK_LIBRARIES)
        if(library MATCHES "/lib${name}\\.so")
            execute_process(COMMAND ${CMAKE_OBJDUMP} -p ${library} OUTPUT_VARIABLE dump COMMAND_ERROR_IS_FATAL ANY)
            if(dump MATCHES "SONAME +([^ \n]+)")
                set(file ${CMAKE_MATCH_1})
            endif()
        endif()
    endforeach()
    if(NOT file)
        message(FATAL_ERROR "lib${name}: no shared library with a soname among ${${pkg}_LINK_LIBRARIES}")
    endif()
    string(TOUPPER ${name} upper)
    add_library(tidings_lib${name} INTERFACE)
    target_include_directories(tidings_lib${name} SYSTEM INTERFACE ${${pkg}_INCLUDE_DIRS})
    target_compile_definitions(tidings_lib${name} INTERFACE TIDINGS_FILE_${upper}="${file}")
endfunction()
