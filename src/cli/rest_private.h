// SPDX-License-Identifier: Apache-2.0
// Shared by rest.c and rest_open.c.
#ifndef CLI_REST_PRIVATE_H
#define CLI_REST_PRIVATE_H

#include "cli/rest.h"
#include "http/libcurl.h"

enum { REST_SERVER_MAX = 1024, REST_KEY_MAX = 1024 };

struct rest {
    CURL *curl;
    char server[REST_SERVER_MAX]; // without a slash at its end
    char key[REST_KEY_MAX];       // "" = none
    int64_t timeout_ms;
};

// A handle with what all requests have; NULL when out of memory.
CURL *rest_curl_new(void);

#endif
