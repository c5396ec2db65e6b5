// SPDX-License-Identifier: Apache-2.0
// 63 bits: 41 of milliseconds since 2020-01-01T00:00:00Z (until 2089), 10 of the node, 12 of a
// sequence. When the sequence of a millisecond is used up, or the clock stands or goes back, ids
// run ahead of it.
#include "record/private.h"

enum { NODE_BITS = 10, SEQUENCE_BITS = 12, TIME_SHIFT = NODE_BITS + SEQUENCE_BITS, DIGITS = 13 };
#define EPOCH_MS 1577836800000LL
#define TIME_MAX ((1LL << 41) - 1)

static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz"; // Crockford's base 32
static const char prefix[] = "ntf_";

int64_t record_id_at(int64_t wall_ms)
{
    int64_t time = wall_ms - EPOCH_MS;
    time = time < 0 ? 0 : time > TIME_MAX ? TIME_MAX : time;
    return time << TIME_SHIFT;
}

int64_t record_id_new(struct record *record, size_t count)
{
    int64_t node = (int64_t)record->node << SEQUENCE_BITS;
    int64_t time = record_id_at(clock_wall_ms(record->clock)) >> TIME_SHIFT;
    int64_t last_time = record->last_id >> TIME_SHIFT;
    int64_t sequence = (record->last_id & ((1 << SEQUENCE_BITS) - 1)) + 1;
    if (time > last_time) {
        sequence = 0;
    } else {
        time = last_time;
        if ((sequence + (int64_t)count - 1) >> SEQUENCE_BITS != 0) {
            time++;
            sequence = 0;
        }
    }
    int64_t first = time << TIME_SHIFT | node | sequence;
    record->last_id = first + (int64_t)count - 1;
    return first;
}

int64_t record_id_time_ms(int64_t id)
{
    return (id >> TIME_SHIFT) + EPOCH_MS;
}

void record_id_format(int64_t id, char out[RECORD_ID_SIZE])
{
    size_t at = sizeof prefix - 1;
    memcpy(out, prefix, at);
    for (int i = DIGITS - 1; i >= 0; i--) {
        out[at++] = alphabet[(uint64_t)id >> (5 * i) & 31];
    }
    out[at] = '\0';
}

bool record_id_parse(struct str text, int64_t *ret)
{
    uint64_t value = 0;
    if (text.len != RECORD_ID_SIZE - 1 || !str_starts(text, str_of(prefix))) {
        return false;
    }
    for (size_t i = sizeof prefix - 1; i < text.len; i++) {
        const char *digit = text.ptr[i] != '\0' ? strchr(alphabet, text.ptr[i]) : NULL;
        if (digit == NULL || value >> 59 != 0) {
            return false;
        }
        value = value << 5 | (uint64_t)(digit - alphabet);
    }
    *ret = (int64_t)value;
    return value <= INT64_MAX;
}
