// SPDX-License-Identifier: Apache-2.0
#include "db/libpq.h"

static struct library *library(void)
{
    static const char *const names[] = { LIBPQ_MAP(LIBRARY_NAME) };
    static struct libpq table;
    static struct library library = {
        .file = TIDINGS_FILE_PQ,
        .package = "libpq5",
        .purpose = "a database of PostgreSQL",
        .names = names,
        .count = BASE_COUNT(names),
        .table = (void **)(void *)&table,
        .lock = PTHREAD_MUTEX_INITIALIZER,
    };
    return &library;
}

tidings_status libpq_open(struct tidings_error *err)
{
    return library_open(library(), err);
}

const struct libpq *libpq(void)
{
    return (const struct libpq *)(const void *)library()->table;
}
