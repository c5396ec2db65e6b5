// SPDX-License-Identifier: Apache-2.0
#include "base/num.h"

#ifdef __x86_64__
#include <nmmintrin.h>
#endif

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "files are written little-endian");

bool num_parse_i64(struct str text, int64_t min, int64_t max, int64_t *ret_value)
{
    size_t at = 0;
    bool negative = text.len > 0 && text.ptr[0] == '-';
    uint64_t value = 0;
    at += negative;
    if (at == text.len || text.len - at > 19) {
        return false;
    }
    for (; at < text.len; at++) {
        if (text.ptr[at] < '0' || text.ptr[at] > '9') {
            return false;
        }
        value = value * 10 + (uint64_t)(text.ptr[at] - '0');
    }
    if (value > (uint64_t)INT64_MAX + negative) {
        return false;
    }
    int64_t result = negative ? (int64_t)(0 - value) : (int64_t)value;
    if (result < min || result > max) {
        return false;
    }
    *ret_value = result;
    return true;
}

size_t num_format_i64(char *out, int64_t v)
{
    char digits[20];
    size_t n = 0;
    size_t len = 0;
    uint64_t rest = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    do {
        digits[n++] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (v < 0) {
        out[len++] = '-';
    }
    while (n > 0) {
        out[len++] = digits[--n];
    }
    return len;
}

// Cuts the digits at the front of *text off.
static bool take_number(struct str *text, int64_t *ret)
{
    size_t n = 0;
    while (n < text->len && text->ptr[n] >= '0' && text->ptr[n] <= '9') {
        n++;
    }
    if (!num_parse_i64(str_make(text->ptr, n), 0, INT64_MAX, ret)) {
        return false;
    }
    text->ptr += n;
    text->len -= n;
    return true;
}

bool num_parse_size(struct str text, int64_t *ret_bytes)
{
    static const char *const units = "kmgt";
    int64_t value;
    int64_t factor = 1;
    text = str_trim(text);
    if (!take_number(&text, &value)) {
        return false;
    }
    text = str_trim(text);
    if (text.len > 0 && text.ptr[0] != 'b' && text.ptr[0] != 'B') {
        const char *unit = strchr(units, text.ptr[0] | 0x20);
        if (unit == NULL) {
            return false;
        }
        factor = (int64_t)1 << (10 * (unit - units + 1));
        text.ptr++;
        text.len--;
        if (text.len > 0 && text.ptr[0] == 'i') {
            text.ptr++;
            text.len--;
        }
    }
    if (text.len > 1 || (text.len == 1 && (text.ptr[0] | 0x20) != 'b')) {
        return false;
    }
    return !__builtin_mul_overflow(value, factor, ret_bytes);
}

static bool take_unit(struct str *text, int64_t *ret_ms)
{
    static const struct {
        struct str name;
        int64_t ms;
    } units[] = { { { "ms", 2 }, 1 },
                  { { "s", 1 }, 1000 },
                  { { "m", 1 }, 60000 },
                  { { "h", 1 }, 3600000 },
                  { { "d", 1 }, 86400000 } };
    for (size_t i = 0; i < BASE_COUNT(units); i++) {
        if (str_starts(*text, units[i].name)) {
            *ret_ms = units[i].ms;
            text->ptr += units[i].name.len;
            text->len -= units[i].name.len;
            return true;
        }
    }
    return false;
}

bool num_parse_duration_ms(struct str text, int64_t *ret_ms)
{
    int64_t total = 0;
    int64_t last_unit = INT64_MAX;
    bool first = true;
    text = str_trim(text);
    do {
        int64_t value;
        int64_t unit;
        int64_t part;
        if (!take_number(&text, &value)) {
            return false;
        }
        if (first && text.len == 0) {
            unit = 1000;
        } else if (!take_unit(&text, &unit) || unit >= last_unit) {
            return false;
        }
        if (__builtin_mul_overflow(value, unit, &part) ||
            __builtin_add_overflow(total, part, &total)) {
            return false;
        }
        last_unit = unit;
        first = false;
    } while (text.len > 0);
    *ret_ms = total;
    return true;
}

size_t num_format_duration_ms(char *out, int64_t ms)
{
    static const struct {
        const char *name;
        int64_t ms;
    } units[] = { { "d", 86400000 }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 }, { "ms", 1 } };
    size_t len = 0;
    for (size_t i = 0; i < BASE_COUNT(units); i++) {
        if (ms >= units[i].ms) {
            len += num_format_i64(out + len, ms / units[i].ms);
            size_t name = strlen(units[i].name);
            memcpy(out + len, units[i].name, name);
            len += name;
            ms %= units[i].ms;
        }
    }
    if (len == 0) {
        memcpy(out, "0s", 2);
        len = 2;
    }
    return len;
}

// ---- CRC-32C ----
// What four shifts of the reflected polynomial make of the lowest four bits.
#define CRC_SHIFT(x)  (((x) >> 1) ^ (0x82f63b78u & (0u - ((x)&1u))))
#define CRC_SHIFT2(x) CRC_SHIFT(CRC_SHIFT(x))
#define CRC_NIBBLE(x) CRC_SHIFT2(CRC_SHIFT2(x))
#define CRC_ROW(x)    CRC_NIBBLE(x), CRC_NIBBLE((x) + 1u), CRC_NIBBLE((x) + 2u), CRC_NIBBLE((x) + 3u)

static const uint32_t crc_nibbles[16] = { CRC_ROW(0u), CRC_ROW(4u), CRC_ROW(8u), CRC_ROW(12u) };

uint32_t num_crc32c_plain(uint32_t crc, const void *bytes, size_t len)
{
    const unsigned char *p = bytes;
    crc = ~crc;
    for (; len > 0; len--) {
        crc ^= *p++;
        crc = (crc >> 4) ^ crc_nibbles[crc & 15];
        crc = (crc >> 4) ^ crc_nibbles[crc & 15];
    }
    return ~crc;
}

#ifdef __x86_64__
__attribute__((target("sse4.2"))) static uint32_t crc32c_sse(uint32_t crc, const unsigned char *p,
                                                             size_t len)
{
    uint64_t wide = ~crc;
    for (; len >= 8; len -= 8, p += 8) {
        wide = _mm_crc32_u64(wide, num_load_le64(p));
    }
    crc = (uint32_t)wide;
    for (; len > 0; len--) {
        crc = _mm_crc32_u8(crc, *p++);
    }
    return ~crc;
}
#endif

uint32_t num_crc32c(uint32_t crc, const void *bytes, size_t len)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("sse4.2")) {
        return crc32c_sse(crc, bytes, len);
    }
#endif
    return num_crc32c_plain(crc, bytes, len);
}
