// SPDX-License-Identifier: Apache-2.0
#include "base/str.h"

#include <stdlib.h>

bool str_starts(struct str text, struct str prefix)
{
    return text.len >= prefix.len &&
           (prefix.len == 0 || memcmp(text.ptr, prefix.ptr, prefix.len) == 0);
}

int str_cmp(struct str a, struct str b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter > 0 ? memcmp(a.ptr, b.ptr, shorter) : 0;
    if (order != 0) {
        return order;
    }
    return a.len < b.len ? -1 : a.len > b.len;
}

size_t str_find(struct str text, char c, size_t from)
{
    if (from >= text.len) {
        return SIZE_MAX;
    }
    const char *found = memchr(text.ptr + from, c, text.len - from);
    return found != NULL ? (size_t)(found - text.ptr) : SIZE_MAX;
}

size_t str_find_str(struct str text, struct str needle)
{
    if (needle.len == 0) {
        return 0;
    }
    if (text.len < needle.len) {
        return SIZE_MAX;
    }
    const char *found = memmem(text.ptr, text.len, needle.ptr, needle.len);
    return found != NULL ? (size_t)(found - text.ptr) : SIZE_MAX;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str str_trim(struct str text)
{
    while (text.len > 0 && is_space(text.ptr[0])) {
        text.ptr++;
        text.len--;
    }
    while (text.len > 0 && is_space(text.ptr[text.len - 1])) {
        text.len--;
    }
    return text;
}

bool str_matches(struct str text, struct str pattern)
{
    size_t star = SIZE_MAX; // the last one
    size_t behind = 0;      // what it stands for ends here
    size_t p = 0;
    size_t t = 0;
    while (t < text.len) {
        if (p < pattern.len && pattern.ptr[p] == '*') {
            star = p++;
            behind = t;
        } else if (p < pattern.len && pattern.ptr[p] == text.ptr[t]) {
            p++;
            t++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            t = ++behind;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.ptr[p] == '*') {
        p++;
    }
    return p == pattern.len;
}

bool str_split(struct str *rest, char separator, struct str *ret_piece)
{
    if (rest->ptr == NULL) {
        return false;
    }
    size_t at = str_find(*rest, separator, 0);
    if (at == SIZE_MAX) {
        *ret_piece = *rest;
        *rest = (struct str){ NULL, 0 };
        return true;
    }
    *ret_piece = (struct str){ rest->ptr, at };
    rest->ptr += at + 1;
    rest->len -= at + 1;
    return true;
}

char *str_dup(struct str text)
{
    char *copy = malloc(text.len + 1);
    if (copy != NULL) {
        if (text.len > 0) {
            memcpy(copy, text.ptr, text.len);
        }
        copy[text.len] = '\0';
    }
    return copy;
}

bool str_copy(char *target, size_t size, struct str text)
{
    if (text.len >= size) {
        if (size > 0) {
            target[0] = '\0';
        }
        return false;
    }
    if (text.len > 0) {
        memcpy(target, text.ptr, text.len);
    }
    target[text.len] = '\0';
    return true;
}

uint64_t str_hash_more(uint64_t hash, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        hash = (hash ^ (unsigned char)text.ptr[i]) * 0x100000001b3ULL;
    }
    hash ^= hash >> 32;
    return hash;
}

uint64_t str_hash(struct str text)
{
    return str_hash_more(0xcbf29ce484222325ULL, text);
}

// Decodes one code point; returns its length, or 0 when the bytes are not well-formed.
static size_t decode_utf8(const unsigned char *p, size_t have, uint32_t *ret)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t need = p[0] < 0x80   ? 1
                  : p[0] < 0xc2 ? 0
                  : p[0] < 0xe0 ? 2
                  : p[0] < 0xf0 ? 3
                  : p[0] < 0xf5 ? 4
                                : 0;
    if (need == 0 || need > have) {
        return 0;
    }
    uint32_t code = need == 1 ? p[0] : p[0] & (0xffu >> (need + 1));
    for (size_t i = 1; i < need; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
        code = code << 6 | (p[i] & 0x3fu);
    }
    if (code < least[need] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
        return 0;
    }
    *ret = code;
    return need;
}

int32_t str_java_hash(struct str text)
{
    uint32_t hash = 0;
    size_t at = 0;
    while (at < text.len) {
        uint32_t code;
        size_t len = decode_utf8((const unsigned char *)text.ptr + at, text.len - at, &code);
        if (len == 0) { // what Java's decoder makes of a bad byte
            code = 0xfffd;
            len = 1;
        }
        if (code >= 0x10000) {
            hash = hash * 31 + (0xd800 + ((code - 0x10000) >> 10));
            hash = hash * 31 + (0xdc00 + ((code - 0x10000) & 0x3ff));
        } else {
            hash = hash * 31 + code;
        }
        at += len;
    }
    return (int32_t)hash;
}

// Most text is ASCII: 32 bytes of it at a time.
static size_t skip_ascii(struct str text, size_t at)
{
    enum { WORDS = 4 };
    uint64_t words[WORDS];
    while (text.len - at >= sizeof words) {
        memcpy(words, text.ptr + at, sizeof words);
        if (((words[0] | words[1] | words[2] | words[3]) & 0x8080808080808080u) != 0) {
            break;
        }
        at += sizeof words;
    }
    while (at < text.len && (text.ptr[at] & 0x80) == 0) {
        at++;
    }
    return at;
}

bool str_is_utf8(struct str text)
{
    size_t at = skip_ascii(text, 0);
    while (at < text.len) {
        uint32_t code;
        size_t len = decode_utf8((const unsigned char *)text.ptr + at, text.len - at, &code);
        if (len == 0) {
            return false;
        }
        at = skip_ascii(text, at + len);
    }
    return true;
}
