// SPDX-License-Identifier: Apache-2.0
#include "receiver/libxml.h"

static bool start(void)
{
    libxml()->xmlInitParser();
    return true;
}

static struct library *library(void)
{
    static const char *const names[] = { LIBXML_MAP(LIBRARY_NAME) };
    static struct libxml table;
    static struct library library = {
        .file = TIDINGS_FILE_XML2,
        .package = "libxml2",
        .purpose = "XML of receivers (SOAP, XPath)",
        .names = names,
        .count = BASE_COUNT(names),
        .table = (void **)(void *)&table,
        .start = start,
        .lock = PTHREAD_MUTEX_INITIALIZER,
    };
    return &library;
}

tidings_status libxml_open(struct tidings_error *err)
{
    return library_open(library(), err);
}

const struct libxml *libxml(void)
{
    return (const struct libxml *)(const void *)library()->table;
}
