# SPDX-License-Identifier: Apache-2.0
# The warning and hardening lists. -Werror comes from the presets (TIDINGS_WERROR), so that a user with
# a newer compiler than ours is not stopped by a new warning.
set(TIDINGS_WARNINGS
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wcast-qual -Wcast-align
    -Wwrite-strings -Wpointer-arith -Wstrict-prototypes -Wold-style-definition
    -Wmissing-prototypes -Wmissing-declarations -Wredundant-decls -Wnested-externs -Wundef -Wvla
    -Wformat=2 -Wimplicit-fallthrough -Wnull-dereference -Wdouble-promotion -Wfloat-equal
    -Wdate-time -Werror=implicit-function-declaration -Werror=incompatible-pointer-types
    -Werror=int-conversion -Werror=return-type)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    list(APPEND TIDINGS_WARNINGS -Wlogical-op -Wduplicated-cond -Wduplicated-branches
        -Wformat-signedness -Wformat-overflow=2 -Wformat-truncation=1 -Walloc-zero
        -Wjump-misses-init -Wuse-after-free=3)
else()
    list(APPEND TIDINGS_WARNINGS -Wcomma -Wextra-semi-stmt
        -Wshorten-64-to-32 -Wmissing-variable-declarations -Wno-unknown-warning-option -Wno-string-concatenation)
endif()
set(TIDINGS_BASE_FLAGS -fno-common -fno-strict-aliasing -fno-omit-frame-pointer
    -fvisibility=hidden -ffile-prefix-map=${CMAKE_SOURCE_DIR}=.)
set(TIDINGS_HARDENING
    $<$<CONFIG:Release>:-U_FORTIFY_SOURCE;-D_FORTIFY_SOURCE=3;-fstack-protector-strong;-fstack-clash-protection;-fcf-protection=full>)
