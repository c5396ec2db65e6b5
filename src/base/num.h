// SPDX-License-Identifier: Apache-2.0
// Checked numbers, big-endian loads and stores, text to number.
#ifndef BASE_NUM_H
#define BASE_NUM_H

#include "base/str.h"

static inline uint16_t num_load_be16(const void *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return __builtin_bswap16(v);
}
static inline uint32_t num_load_be32(const void *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return __builtin_bswap32(v);
}
static inline uint64_t num_load_be64(const void *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return __builtin_bswap64(v);
}
static inline void num_store_be16(void *p, uint16_t v)
{
    v = __builtin_bswap16(v);
    memcpy(p, &v, sizeof v);
}
static inline void num_store_be32(void *p, uint32_t v)
{
    v = __builtin_bswap32(v);
    memcpy(p, &v, sizeof v);
}
static inline void num_store_be64(void *p, uint64_t v)
{
    v = __builtin_bswap64(v);
    memcpy(p, &v, sizeof v);
}
// Little-endian (our own files): the machines we run on are little-endian, asserted in num.c.
static inline uint32_t num_load_le32(const void *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}
static inline uint64_t num_load_le64(const void *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

// Whole text must be a decimal number in [min, max], with an optional sign; no spaces, no leading
// '+'.
bool num_parse_i64(struct str text, int64_t min, int64_t max, int64_t *ret_value);
static inline bool num_parse_i32(struct str text, int32_t *ret_value)
{
    int64_t v;
    if (!num_parse_i64(text, INT32_MIN, INT32_MAX, &v)) {
        return false;
    }
    *ret_value = (int32_t)v;
    return true;
}
// Decimal text of v into `out` (room for 21 bytes), no NUL; returns the length.
size_t num_format_i64(char *out, int64_t v);
// "64M", "4 MiB", "1024", "2g": powers of 1024. False when malformed or beyond INT64_MAX.
bool num_parse_size(struct str text, int64_t *ret_bytes);
// "1s", "5m", "1h", "2d", "250ms", "1h30m", or a bare number (= seconds). False when malformed or
// negative.
bool num_parse_duration_ms(struct str text, int64_t *ret_ms);
// Text of whole units that num_parse_duration_ms reads back ("1h30m", "250ms"; "0s" for 0 and
// below). `out` has room for 48 bytes; no NUL; returns the length.
size_t num_format_duration_ms(char *out, int64_t ms);

// CRC-32C (Castagnoli, RFC 3720 appendix B.4); seed 0 for a first piece, the last result to go on.
uint32_t num_crc32c(uint32_t crc, const void *bytes, size_t len);
// The same without the processor's instruction for it: what num_crc32c falls back on.
uint32_t num_crc32c_plain(uint32_t crc, const void *bytes, size_t len);

#endif
