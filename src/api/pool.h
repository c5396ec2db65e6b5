// SPDX-License-Identifier: Apache-2.0
// Memory of one request: pieces that are all freed together. The first bytes come from the
// request's own object, so that a usual request needs no more of the heap. Private to the room.
#ifndef API_POOL_H
#define API_POOL_H

#include <stddef.h>

struct api_pool_chunk;

struct api_pool {
    char *at;
    size_t left;
    struct api_pool_chunk *chunks;
};

// `first` is memory of the caller's, aligned for anything; may be NULL with size 0.
void api_pool_init(struct api_pool *pool, void *first, size_t size);
void api_pool_deinit(struct api_pool *pool);
// Aligned for anything, not cleared; NULL when memory is short.
void *api_pool_take(struct api_pool *pool, size_t size);
void *api_pool_zeroed(struct api_pool *pool, size_t size);

#endif
