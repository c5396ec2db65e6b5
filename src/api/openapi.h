// SPDX-License-Identifier: Apache-2.0
// docs/openapi.yaml, as it was when the program was built (cmake/embed.cmake). Private to the room.
#ifndef API_OPENAPI_H
#define API_OPENAPI_H

#include <stddef.h>

extern const unsigned char api_openapi[];
extern const size_t api_openapi_size;

#endif
