// SPDX-License-Identifier: Apache-2.0
#include "acl/address.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "acl/accounts.h"
#include "base/num.h"

static tidings_status wrong(struct tidings_error *err, struct str text, const char *what)
{
    struct acl_shown shown = acl_show(text);
    return error_set(err, TIDINGS_E_INVALID,
                     "address \"%s\" %s; right are 10.0.0.1, 10.0.0.*, 10.0.0.1-20, "
                     "10.0.0.{1,2}, 10.0.0.0/8, ::1, *",
                     shown.text, what);
}

// ---- one part: a number, a range, a star ----

static bool read_octet(struct str text, uint16_t *ret)
{
    int64_t value;
    // 010 is eight to some and ten to others
    if (text.len == 0 || text.len > 3 || text.ptr[0] == '-' ||
        (text.len > 1 && text.ptr[0] == '0') || !num_parse_i64(text, 0, 255, &value)) {
        return false;
    }
    *ret = (uint16_t)value;
    return true;
}

static bool read_group(struct str text, uint16_t *ret)
{
    unsigned value = 0;
    if (text.len == 0 || text.len > 4) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        int digit = c >= '0' && c <= '9' ? c - '0' : -1;
        digit = c >= 'a' && c <= 'f' ? c - 'a' + 10 : digit;
        digit = c >= 'A' && c <= 'F' ? c - 'A' + 10 : digit;
        if (digit < 0) {
            return false;
        }
        value = value * 16 + (unsigned)digit;
    }
    *ret = (uint16_t)value;
    return true;
}

struct kind {
    bool (*read)(struct str text, uint16_t *ret);
    unsigned bits;
};
static const struct kind v4 = { read_octet, 8 };
static const struct kind v6 = { read_group, 16 };

static uint16_t most(const struct kind *kind)
{
    return (uint16_t)((1U << kind->bits) - 1);
}

static bool read_part(const struct kind *kind, struct str text, uint16_t *ret_low,
                      uint16_t *ret_high)
{
    if (str_eq(text, STR("*"))) {
        *ret_low = 0;
        *ret_high = most(kind);
        return true;
    }
    size_t minus = str_find(text, '-', 0);
    if (minus == SIZE_MAX) {
        bool good = kind->read(text, ret_low);
        *ret_high = good ? *ret_low : 0;
        return good;
    }
    return kind->read(str_make(text.ptr, minus), ret_low) &&
           kind->read(str_make(text.ptr + minus + 1, text.len - minus - 1), ret_high) &&
           *ret_low <= *ret_high;
}

// ---- whole addresses, without a prefix length ----

// Parts with `separator` between; SIZE_MAX when one is wrong or there are more than `max`.
static size_t read_parts(const struct kind *kind, struct str text, char separator, size_t max,
                         uint16_t *low, uint16_t *high)
{
    struct str part;
    size_t count = 0;
    while (str_split(&text, separator, &part)) {
        if (count == max || !read_part(kind, part, &low[count], &high[count])) {
            return SIZE_MAX;
        }
        count++;
    }
    return count;
}

static void fill(struct acl_pattern *pattern, size_t from, size_t to, uint16_t low, uint16_t high)
{
    for (size_t i = from; i < to; i++) {
        pattern->low[i] = low;
        pattern->high[i] = high;
    }
}

static bool read_v4(struct str text, struct acl_pattern *ret)
{
    ret->parts = 4;
    return read_parts(&v4, text, '.', 4, ret->low, ret->high) == 4;
}

static bool read_mixed(struct str text, struct acl_pattern *ret)
{
    char copy[INET6_ADDRSTRLEN];
    unsigned char bytes[16];
    if (!str_copy(copy, sizeof copy, text) || inet_pton(AF_INET6, copy, bytes) != 1) {
        return false;
    }
    for (size_t i = 0; i < 8; i++) {
        ret->low[i] = ret->high[i] = num_load_be16(bytes + 2 * i);
    }
    return true;
}

// Without `::`: eight groups, or fewer of which the last is a star for all that follow.
static bool read_v6_plain(struct str text, struct acl_pattern *ret)
{
    size_t count = read_parts(&v6, text, ':', 8, ret->low, ret->high);
    if (count == SIZE_MAX || count == 0 || (count < 8 && text.ptr[text.len - 1] != '*')) {
        return false;
    }
    fill(ret, count, 8, 0, UINT16_MAX);
    return true;
}

static bool read_v6(struct str text, struct acl_pattern *ret)
{
    uint16_t low[8];
    uint16_t high[8];
    size_t head = 0;
    size_t tail = 0;
    ret->parts = 8;
    if (str_find(text, '.', 0) != SIZE_MAX) {
        return read_mixed(text, ret);
    }
    size_t gap = str_find_str(text, STR("::"));
    if (gap == SIZE_MAX) {
        return read_v6_plain(text, ret);
    }
    struct str after = str_make(text.ptr + gap + 2, text.len - gap - 2);
    if (gap > 0) {
        head = read_parts(&v6, str_make(text.ptr, gap), ':', 7, ret->low, ret->high);
    }
    if (after.len > 0) {
        tail = read_parts(&v6, after, ':', 7, low, high);
    }
    if (head == SIZE_MAX || tail == SIZE_MAX || head + tail > 7) {
        return false;
    }
    fill(ret, head, 8 - tail, 0, 0);
    for (size_t i = 0; i < tail; i++) {
        ret->low[8 - tail + i] = low[i];
        ret->high[8 - tail + i] = high[i];
    }
    return true;
}

// ---- patterns ----

static bool is_exact(const struct acl_pattern *pattern)
{
    return memcmp(pattern->low, pattern->high, pattern->parts * sizeof pattern->low[0]) == 0;
}

// Opens the bits behind the prefix. False when one of them is set, or the length is out of range.
static bool take_prefix(const struct kind *kind, struct str text, struct acl_pattern *pattern)
{
    int64_t bits;
    if (text.len == 0 || text.len > 3 || text.ptr[0] == '-' ||
        !num_parse_i64(text, 0, (int64_t)(pattern->parts * kind->bits), &bits)) {
        return false;
    }
    for (size_t i = 0; i < pattern->parts; i++) {
        unsigned fixed = (unsigned)bits < kind->bits ? (unsigned)bits : kind->bits;
        uint16_t open = (uint16_t)(most(kind) >> fixed);
        if ((pattern->low[i] & open) != 0) {
            return false;
        }
        pattern->high[i] |= open;
        bits -= fixed;
    }
    return true;
}

static bool is_mapped(const struct acl_pattern *pattern)
{
    static const uint16_t mapped[6] = { 0, 0, 0, 0, 0, 0xFFFF };
    return pattern->parts == 8 && memcmp(pattern->low, mapped, sizeof mapped) == 0 &&
           memcmp(pattern->high, mapped, sizeof mapped) == 0;
}

// An address of IPv4 written inside IPv6 is the same address; peers are looked at likewise. Holds
// for single addresses and prefixes, whose octets are independent of one another.
static void unmap(struct acl_pattern *pattern)
{
    const struct acl_pattern six = *pattern;
    pattern->parts = 4;
    for (size_t i = 0; i < 4; i++) {
        unsigned shift = i % 2 == 0 ? 8 : 0;
        pattern->low[i] = (six.low[6 + i / 2] >> shift) & 0xFF;
        pattern->high[i] = (six.high[6 + i / 2] >> shift) & 0xFF;
    }
}

static tidings_status read_pattern(struct str text, struct acl_pattern *ret,
                                   struct tidings_error *err)
{
    *ret = (struct acl_pattern){ 0 };
    if (str_eq(text, STR("*")) || str_eq(text, STR("*.*.*.*")) ||
        str_eq(text, STR("*:*:*:*:*:*:*:*"))) {
        return TIDINGS_OK;
    }
    bool six = str_find(text, ':', 0) != SIZE_MAX;
    size_t slash = str_find(text, '/', 0);
    struct str address = slash == SIZE_MAX ? text : str_make(text.ptr, slash);
    if (!(six ? read_v6(address, ret) : read_v4(address, ret))) {
        return wrong(err, text, "is neither an address nor a pattern of one");
    }
    bool exact = is_exact(ret);
    if (slash != SIZE_MAX && !exact) {
        return wrong(err, text, "has a star or a range and a prefix length");
    }
    if (slash != SIZE_MAX &&
        !take_prefix(six ? &v6 : &v4, str_make(text.ptr + slash + 1, text.len - slash - 1), ret)) {
        return wrong(err, text, "has a wrong prefix length, or bits set behind the prefix");
    }
    if (is_mapped(ret) && !exact) {
        return wrong(err, text, "is of IPv4 and must be written so");
    }
    if (is_mapped(ret)) {
        unmap(ret);
    }
    return TIDINGS_OK;
}

static tidings_status add_one(struct acl_patterns *patterns, struct str text,
                              struct tidings_error *err)
{
    struct acl_pattern pattern;
    tidings_status status = read_pattern(text, &pattern, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    if (patterns->count == ACL_ADDRESSES_MAX) {
        return error_set(err, TIDINGS_E_TOO_LARGE, "more than %d addresses in one list",
                         ACL_ADDRESSES_MAX);
    }
    if (patterns->count == patterns->size) {
        size_t size = patterns->size == 0 ? 4 : patterns->size * 2;
        struct acl_pattern *items = reallocarray(patterns->items, size, sizeof *items);
        if (items == NULL) {
            return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for addresses");
        }
        patterns->items = items;
        patterns->size = size;
    }
    patterns->items[patterns->count++] = pattern;
    return TIDINGS_OK;
}

// `start{a,b,c}`: start with each of the ends.
static tidings_status add_braces(struct acl_patterns *patterns, struct str text, size_t open,
                                 struct tidings_error *err)
{
    char whole[ADDRESS_TEXT_MAX];
    struct str rest = str_make(text.ptr + open + 1, text.len - open - 2);
    struct str end;
    tidings_status status = TIDINGS_OK;
    if (text.ptr[text.len - 1] != '}' || open == 0 ||
        (text.ptr[open - 1] != '.' && text.ptr[open - 1] != ':')) {
        return wrong(err, text, "must have {a,b} as its last part");
    }
    memcpy(whole, text.ptr, open);
    while (status == TIDINGS_OK && str_split(&rest, ',', &end)) {
        end = str_trim(end);
        memcpy(whole + open, end.ptr, end.len);
        status = end.len == 0 ? wrong(err, text, "has an empty place inside {}")
                              : add_one(patterns, str_make(whole, open + end.len), err);
    }
    return status;
}

// Where the pattern at the start of `text` ends: at a comma outside of braces, or at the end.
static size_t pattern_end(struct str text)
{
    bool inside = false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == ',' && !inside) {
            return i;
        }
        inside = text.ptr[i] == '{' || (inside && text.ptr[i] != '}');
    }
    return text.len;
}

tidings_status acl_patterns_add(struct acl_patterns *patterns, struct str text,
                                struct tidings_error *err)
{
    tidings_status status = TIDINGS_OK;
    text = text.ptr == NULL ? STR("") : text;
    for (size_t at = 0; at <= text.len && status == TIDINGS_OK;) {
        struct str rest = str_make(text.ptr + at, text.len - at);
        size_t end = pattern_end(rest);
        struct str item = str_trim(str_make(rest.ptr, end));
        size_t open = str_find(item, '{', 0);
        if (item.len == 0) {
            status = wrong(err, text, "is blank, or has nothing between two commas");
        } else if (item.len > ADDRESS_TEXT_MAX) {
            status = wrong(err, item, "is too long");
        } else if (open != SIZE_MAX) {
            status = add_braces(patterns, item, open, err);
        } else {
            status = add_one(patterns, item, err);
        }
        at += end + 1;
    }
    return status;
}

void acl_patterns_free(struct acl_patterns *patterns)
{
    free(patterns->items);
    *patterns = (struct acl_patterns){ 0 };
}

// ---- matching ----

static size_t peer_parts(struct str peer, uint16_t *parts)
{
    static const char mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '\xff', '\xff' };
    if (peer.len == 16 && memcmp(peer.ptr, mapped, sizeof mapped) == 0) {
        peer = str_make(peer.ptr + 12, 4);
    }
    for (size_t i = 0; peer.len == 4 && i < 4; i++) {
        parts[i] = (unsigned char)peer.ptr[i];
    }
    for (size_t i = 0; peer.len == 16 && i < 8; i++) {
        parts[i] = num_load_be16(peer.ptr + 2 * i);
    }
    return peer.len == 4 ? 4 : peer.len == 16 ? 8 : SIZE_MAX;
}

static bool matches(const struct acl_pattern *pattern, const uint16_t *parts, size_t count)
{
    if (pattern->parts == 0) {
        return true;
    }
    if (pattern->parts != count) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (parts[i] < pattern->low[i] || parts[i] > pattern->high[i]) {
            return false;
        }
    }
    return true;
}

bool acl_patterns_match(const struct acl_patterns *patterns, struct str peer)
{
    uint16_t parts[8] = { 0 };
    size_t count = peer_parts(peer, parts);
    for (size_t i = 0; i < patterns->count; i++) {
        if (matches(&patterns->items[i], parts, count)) {
            return true;
        }
    }
    return false;
}
