// SPDX-License-Identifier: Apache-2.0
// Radix sort, a byte at a time from the lowest: its time does not depend on the keys, and a byte
// that is the same in all pairs costs nothing.
#include "broker/keyindex_private.h"

static unsigned byte_of(const struct keyindex_pair *pair, unsigned digit)
{
    uint64_t word = digit < 8 ? (uint64_t)pair->position : pair->hash;
    return (unsigned)(word >> (digit % 8 * 8)) & 0xff;
}

static bool is_ascending(const struct keyindex_pair *pairs, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (pairs[i].position < pairs[i - 1].position) {
            return false;
        }
    }
    return true;
}

// Moves the pairs over in the order of one byte; false when that changes nothing.
static bool pass(const struct keyindex_pair *from, struct keyindex_pair *to, size_t count,
                 unsigned digit)
{
    size_t starts[256] = { 0 };
    size_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        starts[byte_of(&from[i], digit)]++;
    }
    if (starts[byte_of(&from[0], digit)] == count) {
        return false;
    }
    for (int i = 0; i < 256; i++) {
        size_t next = sum + starts[i];
        starts[i] = sum;
        sum = next;
    }
    for (size_t i = 0; i < count; i++) {
        to[starts[byte_of(&from[i], digit)]++] = from[i];
    }
    return true;
}

void key_sort(struct keyindex_pair *from, struct keyindex_pair *to, size_t count)
{
    struct keyindex_pair *source = from;
    struct keyindex_pair *target = to;
    if (count == 0) {
        return;
    }
    // Each pass keeps the order of the one before: positions first, and those mostly are in order
    // already.
    for (unsigned digit = is_ascending(from, count) ? 8 : 0; digit < 16; digit++) {
        if (pass(source, target, count, digit)) {
            struct keyindex_pair *swap = source;
            source = target;
            target = swap;
        }
    }
    if (source != to) {
        memcpy(to, source, count * sizeof *to);
    }
}
