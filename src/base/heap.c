// SPDX-License-Identifier: Apache-2.0
#include "base/heap.h"

#include <stdbool.h>
#include <stdlib.h>

void heap_init(struct heap *heap, size_t max)
{
    *heap = (struct heap){ .max = max };
}

void heap_deinit(struct heap *heap)
{
    free(heap->nodes);
    heap->nodes = NULL;
    heap->count = 0;
    heap->size = 0;
}

static bool before(const struct heap_node *a, const struct heap_node *b)
{
    return a->due < b->due || (a->due == b->due && a->sequence < b->sequence);
}

static void place(struct heap *heap, struct heap_node *node, size_t index)
{
    heap->nodes[index] = node;
    node->index = index;
}

static void sift_up(struct heap *heap, struct heap_node *node, size_t index)
{
    while (index > 0) {
        size_t parent = (index - 1) / 2;
        if (!before(node, heap->nodes[parent])) {
            break;
        }
        place(heap, heap->nodes[parent], index);
        index = parent;
    }
    place(heap, node, index);
}

static void sift_down(struct heap *heap, struct heap_node *node, size_t index)
{
    for (;;) {
        size_t child = index * 2 + 1;
        if (child >= heap->count) {
            break;
        }
        if (child + 1 < heap->count && before(heap->nodes[child + 1], heap->nodes[child])) {
            child++;
        }
        if (!before(heap->nodes[child], node)) {
            break;
        }
        place(heap, heap->nodes[child], index);
        index = child;
    }
    place(heap, node, index);
}

tidings_status heap_push(struct heap *heap, struct heap_node *node, int64_t due)
{
    if (heap->count >= heap->max) {
        return TIDINGS_E_FULL;
    }
    if (heap->count == heap->size) {
        size_t size = heap->size == 0 ? 16 : heap->size * 2;
        struct heap_node **grown = realloc(heap->nodes, size * sizeof *grown);
        if (grown == NULL) {
            return TIDINGS_E_NO_MEMORY;
        }
        heap->nodes = grown;
        heap->size = size;
    }
    node->due = due;
    node->sequence = heap->next_sequence++;
    sift_up(heap, node, heap->count++);
    return TIDINGS_OK;
}

struct heap_node *heap_peek(const struct heap *heap)
{
    return heap->count > 0 ? heap->nodes[0] : NULL;
}

struct heap_node *heap_pop(struct heap *heap)
{
    struct heap_node *first = heap_peek(heap);
    if (first != NULL) {
        heap_remove(heap, first);
    }
    return first;
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
    size_t index = node->index;
    if (index == SIZE_MAX) {
        return;
    }
    BASE_ASSERT(index < heap->count && heap->nodes[index] == node);
    node->index = SIZE_MAX;
    struct heap_node *last = heap->nodes[--heap->count];
    if (last == node) {
        return;
    }
    if (index > 0 && before(last, heap->nodes[(index - 1) / 2])) {
        sift_up(heap, last, index);
    } else {
        sift_down(heap, last, index);
    }
}
