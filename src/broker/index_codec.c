// SPDX-License-Identifier: Apache-2.0
#include "broker/index_private.h"

enum { FORMAT = 1 };

static char *put_varint(char *out, uint64_t value)
{
    while (value >= 0x80) {
        *out++ = (char)(uint8_t)(value | 0x80);
        value >>= 7;
    }
    *out++ = (char)(uint8_t)value;
    return out;
}

static uint64_t zigzag(int64_t value)
{
    return ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
}

static int64_t unzigzag(uint64_t value)
{
    return (int64_t)((value >> 1) ^ (0 - (value & 1)));
}

size_t index_codec_encode(const struct index_entry *entries, size_t count,
                          char out[INDEX_CODEC_MAX])
{
    char *at = out;
    int64_t last = 0;
    *at++ = FORMAT;
    for (size_t i = 0; i < count; i++) {
        const struct index_entry *entry = &entries[i];
        if (entry->position < 0) {
            *at++ = 0;
            continue;
        }
        at = put_varint(at, (uint64_t)entry->size + 1);
        at = put_varint(at, zigzag(entry->position - last));
        at = put_varint(at, zigzag(entry->tag_code));
        last = entry->position;
    }
    return (size_t)(at - out);
}

struct reading {
    const uint8_t *at;
    const uint8_t *end;
    bool damaged;
};

static uint64_t get_varint(struct reading *reading)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (reading->at == reading->end) {
            break;
        }
        uint8_t byte = *reading->at++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            return value;
        }
    }
    reading->damaged = true;
    return 0;
}

bool index_codec_decode(struct str bytes, struct index_entry *entries, size_t *ret_count)
{
    const uint8_t *start = (const void *)bytes.ptr;
    int64_t last = 0;
    size_t count = 0;
    if (bytes.len == 0 || start[0] != FORMAT) {
        return false;
    }
    struct reading reading = { start + 1, start + bytes.len, false };
    while (reading.at < reading.end && count < INDEX_BLOCK) {
        uint64_t size = get_varint(&reading);
        struct index_entry *entry = &entries[count++];
        if (size == 0) {
            *entry = (struct index_entry){ .position = -1 };
            continue;
        }
        // Unsigned, so that damaged bytes cannot overflow.
        last = (int64_t)((uint64_t)last + (uint64_t)unzigzag(get_varint(&reading)));
        entry->size = (uint32_t)(size - 1);
        entry->position = last;
        entry->tag_code = (int32_t)unzigzag(get_varint(&reading));
        if (size - 1 > UINT32_MAX || last < 0) {
            return false;
        }
    }
    *ret_count = count;
    return !reading.damaged && reading.at == reading.end;
}
