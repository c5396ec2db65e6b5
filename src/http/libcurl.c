// SPDX-License-Identifier: Apache-2.0
#include "http/libcurl.h"

static bool start(void)
{
    return libcurl()->curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

static struct library *library(void)
{
    static const char *const names[] = { LIBCURL_MAP(LIBRARY_NAME) };
    static struct libcurl table;
    static struct library library = {
        .file = TIDINGS_FILE_CURL,
        .package = "libcurl4",
        .purpose = "this request",
        .names = names,
        .count = BASE_COUNT(names),
        .table = (void **)(void *)&table,
        .start = start,
        .lock = PTHREAD_MUTEX_INITIALIZER,
    };
    return &library;
}

tidings_status libcurl_open(struct tidings_error *err)
{
    return library_open(library(), err);
}

const struct libcurl *libcurl(void)
{
    return (const struct libcurl *)(const void *)library()->table;
}
