// SPDX-License-Identifier: Apache-2.0
// Intrusive binary heap ordered by (due, sequence): equal times leave in the order they came.
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

struct heap_node {
    int64_t due;       // any unit, the same for all nodes of a heap
    uint64_t sequence; // set by heap_push
    size_t index;      // place in the heap, SIZE_MAX when outside
};

struct heap {
    struct heap_node **nodes;
    size_t count;
    size_t size;
    size_t max;
    uint64_t next_sequence;
};

void heap_init(struct heap *heap, size_t max);
void heap_deinit(struct heap *heap); // frees the array, not the nodes
// E_FULL at max. `node` must be outside of any heap.
tidings_status heap_push(struct heap *heap, struct heap_node *node, int64_t due) TIDINGS_NODISCARD;
struct heap_node *heap_peek(const struct heap *heap); // NULL when empty
struct heap_node *heap_pop(struct heap *heap);
void heap_remove(struct heap *heap, struct heap_node *node); // no-op when outside
static inline void heap_node_init(struct heap_node *node)
{
    node->index = SIZE_MAX;
}

#endif
