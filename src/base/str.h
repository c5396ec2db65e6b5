// SPDX-License-Identifier: Apache-2.0
// struct str: a view of bytes owned by somebody else, passed by value, not ended by NUL.
// struct buf: a growing byte buffer with a maximum that is given when it is made.
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/compiler.h"

struct str {
    const char *ptr;
    size_t len;
};

#define STR(literal) ((struct str){ (literal), sizeof(literal) - 1 })
// For printf: "%.*s", STR_ARG(view)
#define STR_ARG(view) (int)((view).len > 4096 ? 4096 : (view).len), ((view).ptr ? (view).ptr : "")

static inline struct str str_of(const char *text)
{
    return (struct str){ text, text ? strlen(text) : 0 };
}

static inline struct str str_make(const void *ptr, size_t len)
{
    return (struct str){ (const char *)ptr, len };
}

static inline bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

// The same, but for the case of ASCII letters: names of header fields and the like.
static inline bool str_eq_nocase(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || strncasecmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool str_eq_c(struct str a, const char *b)
{
    return str_eq(a, str_of(b));
}

bool str_starts(struct str text, struct str prefix);
// Orders by bytes, shorter first when one is the start of the other (for ASCII the same as Java's
// compareTo).
int str_cmp(struct str a, struct str b);
// Index of the first `c` at or after `from`, or SIZE_MAX.
size_t str_find(struct str text, char c, size_t from);
// Index of the first occurrence of `needle`, or SIZE_MAX.
size_t str_find_str(struct str text, struct str needle);
// Whether the text is as the pattern says, in which `*` stands for any bytes, none too. Time grows
// with the product of both lengths at most.
bool str_matches(struct str text, struct str pattern);
// Without white space at both ends.
struct str str_trim(struct str text);
// Cuts the next piece up to `separator` off *rest; false when *rest is used up (ptr NULL).
bool str_split(struct str *rest, char separator, struct str *ret_piece);
// New NUL-ended copy, or NULL when out of memory. Caller frees.
char *str_dup(struct str text);
// Copies into a fixed array and ends it with NUL; false (and an empty string) when it does not fit.
bool str_copy(char *target, size_t size, struct str text);
// FNV-1a mixed to 64 bits: for tables in memory and for derived indexes on disk (kept stable).
uint64_t str_hash(struct str text);
uint64_t str_hash_more(uint64_t hash, struct str text);
// Java's String.hashCode over the UTF-16 units of UTF-8 text (JLS: s[0]*31^(n-1) + ...), for tag
// codes.
int32_t str_java_hash(struct str text);
// True when the bytes are well-formed UTF-8 (RFC 3629).
bool str_is_utf8(struct str text);

// A buffer never grows beyond `max`; a call that would is answered E_TOO_LARGE and leaves it
// unchanged.
struct buf {
    char *ptr;
    size_t len;
    size_t size; // allocated
    size_t max;
};

void buf_init(struct buf *buf, size_t max);
void buf_deinit(struct buf *buf); // frees; the buffer may be used again afterwards
void buf_clear(struct buf *buf);  // keeps the memory
// Makes room for `more` bytes after len; ret_ptr (may be NULL) points at the room (NULL when no
// byte was ever asked for).
tidings_status buf_reserve(struct buf *buf, size_t more, char **ret_ptr) TIDINGS_NODISCARD;
tidings_status buf_add(struct buf *buf, const void *bytes, size_t len) TIDINGS_NODISCARD;
tidings_status buf_add_str(struct buf *buf, struct str text) TIDINGS_NODISCARD;
tidings_status buf_addf(struct buf *buf, const char *format, ...)
    BASE_PRINTF(2, 3) TIDINGS_NODISCARD;
// Drops `n` bytes at the front.
void buf_consume(struct buf *buf, size_t n);
static inline struct str buf_str(const struct buf *buf)
{
    return (struct str){ buf->ptr, buf->len };
}

#endif
