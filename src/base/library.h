// SPDX-License-Identifier: Apache-2.0
// Shared libraries that many installations never use: opened when they are first needed, so that a
// server which does not need them neither maps them nor spends its start on relocating them.
//
// A room lists the functions that it uses in one map of names and makes of it a struct of pointers
// (LIBRARY_MEMBER), and with LIBRARY_DEFINE a `struct library`, a static inside of one function.
// That is the one thing here that lives as long as the process: it is written once, under its lock,
// and never again. Libraries stay open until the process ends, since threads and values of theirs
// may be anywhere.
//
// The name is that of the very library whose headers were compiled against (cmake/libraries.cmake
// asks it), without a path, so that it is found where the linker would have found it.
#ifndef BASE_LIBRARY_H
#define BASE_LIBRARY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"

// Of a function or a variable, as its header declares it.
#define LIBRARY_MEMBER(name) __typeof__(name) *name;
#define LIBRARY_NAME(name)   #name,
// Of a library `lib`, its functions in MAP and `struct lib` of them: lib_open, and lib, the table.
#define LIBRARY_DEFINE(lib, MAP, ...)                                                              \
    static struct library *lib##_library(void)                                                     \
    {                                                                                              \
        static const char *const names[] = { MAP(LIBRARY_NAME) };                                  \
        static struct lib table;                                                                   \
        static struct library library = { .names = names,                                          \
                                          .count = BASE_COUNT(names),                              \
                                          .table = (void **)(void *)&table,                        \
                                          .lock = PTHREAD_MUTEX_INITIALIZER,                       \
                                          __VA_ARGS__ };                                           \
        return &library;                                                                           \
    }                                                                                              \
    tidings_status lib##_open(struct tidings_error *err)                                           \
    {                                                                                              \
        return library_open(lib##_library(), err);                                                 \
    }                                                                                              \
    const struct lib *lib(void)                                                                    \
    {                                                                                              \
        return (const struct lib *)(const void *)lib##_library()->table;                           \
    }

struct library {
    const char *file;    // "libpq.so.5"
    const char *package; // which package of Debian has it
    const char *purpose; // what is not possible without it
    const char *const *names;
    size_t count;
    void **table;         // count pointers: the struct of LIBRARY_MEMBERs
    bool (*start)(void);  // is called once, when the table is full; may be NULL
    pthread_mutex_t lock; // PTHREAD_MUTEX_INITIALIZER
    atomic_bool is_open;
};

// Opens it and fills the table, unless that is done. From any thread. E_UNSUPPORTED, with what to
// install, when it is not there or is not the one it must be; a later call tries again.
// E_NO_MEMORY when `start` fails.
tidings_status library_open(struct library *library, struct tidings_error *err) TIDINGS_NODISCARD;

#endif
