// SPDX-License-Identifier: Apache-2.0
#include "api/pool.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGN = _Alignof(max_align_t), CHUNK_LEAST = 4096 };

struct api_pool_chunk {
    struct api_pool_chunk *next;
    max_align_t bytes[];
};

void api_pool_init(struct api_pool *pool, void *first, size_t size)
{
    *pool = (struct api_pool){ .at = first, .left = size };
}

void api_pool_deinit(struct api_pool *pool)
{
    while (pool->chunks != NULL) {
        struct api_pool_chunk *chunk = pool->chunks;
        pool->chunks = chunk->next;
        free(chunk);
    }
    pool->left = 0;
}

// Large pieces get a chunk of their own, and the one that is begun goes on.
static void *take_chunk(struct api_pool *pool, size_t size)
{
    bool is_large = size > CHUNK_LEAST / 2;
    size_t room = is_large ? size : (size_t)CHUNK_LEAST;
    struct api_pool_chunk *chunk = malloc(sizeof *chunk + room);
    if (chunk == NULL) {
        return NULL;
    }
    chunk->next = pool->chunks;
    pool->chunks = chunk;
    if (!is_large) {
        pool->at = (char *)chunk->bytes + size;
        pool->left = room - size;
    }
    return chunk->bytes;
}

void *api_pool_take(struct api_pool *pool, size_t size)
{
    if (size > SIZE_MAX / 2) {
        return NULL;
    }
    size = (size + ALIGN - 1) / ALIGN * ALIGN;
    if (size > pool->left) {
        return take_chunk(pool, size);
    }
    void *piece = pool->at;
    pool->at += size;
    pool->left -= size;
    return piece;
}

void *api_pool_zeroed(struct api_pool *pool, size_t size)
{
    void *piece = api_pool_take(pool, size);
    if (piece != NULL) {
        memset(piece, 0, size);
    }
    return piece;
}
