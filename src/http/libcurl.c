// SPDX-License-Identifier: Apache-2.0
#include "http/libcurl.h"

static bool start(void)
{
    return libcurl()->curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

LIBRARY_DEFINE(libcurl, LIBCURL_MAP, .file = TIDINGS_FILE_CURL, .package = "libcurl4",
               .purpose = "this request", .start = start)
