// SPDX-License-Identifier: Apache-2.0
// JSON strings, read and written up to sixteen bytes at a time: shared by the header codec and the
// body writers. Private to the room.
#ifndef WIRE_TEXT_H
#define WIRE_TEXT_H

#include "base/num.h"
#include "base/str.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

static inline uint64_t text_load(const char *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

// Marks (bit 7 of a byte) the bytes of a little-endian word that cannot stand for themselves in a
// JSON string: the quote, the backslash, control characters. Only the lowest mark is sure to be
// right (a borrow may run into the bytes above it), and only the lowest is ever used.
static inline uint64_t text_special(uint64_t word)
{
    const uint64_t ones = 0x0101010101010101u;
    uint64_t quote = word ^ (ones * '"');
    uint64_t slash = word ^ (ones * '\\');
    uint64_t marks =
        ((word - ones * 0x20) & ~word) | ((quote - ones) & ~quote) | ((slash - ones) & ~slash);
    return marks & (ones * 0x80);
}

// How many of the TEXT_STEP bytes at p stand for themselves, up to the first that does not.
#ifdef __SSE2__
enum { TEXT_STEP = 16 };
static inline size_t text_plain(const char *p)
{
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)p);
    __m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
    __m128i slash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
    __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
    __m128i marks = _mm_or_si128(_mm_or_si128(quote, slash), control);
    return (size_t)__builtin_ctz((unsigned)_mm_movemask_epi8(marks) | 1u << TEXT_STEP);
}
#else
enum { TEXT_STEP = 8 };
static inline size_t text_plain(const char *p)
{
    uint64_t marks = text_special(text_load(p));
    return marks != 0 ? (size_t)__builtin_ctzll(marks) >> 3 : TEXT_STEP;
}
#endif

static inline bool text_is_special(char c)
{
    return (unsigned char)c < 0x20 || c == '"' || c == '\\';
}

// Bytes of the JSON string for `text`, with its quotes.
size_t wire_text_quoted_size(struct str text);
// Writes that many bytes and returns the end.
char *wire_text_quote(char *out, struct str text);

// Writes a body piece by piece with a sticky status: nothing is written after the first failure,
// and wire_text_end then leaves the buffer as wire_text_begin found it.
struct wire_text {
    struct buf *out;
    size_t before;
    tidings_status status;
};
static inline struct wire_text wire_text_begin(struct buf *out)
{
    return (struct wire_text){ out, out->len, TIDINGS_OK };
}
void wire_text_put(struct wire_text *text, struct str plain);    // as it is
void wire_text_string(struct wire_text *text, struct str value); // as a JSON string
void wire_text_number(struct wire_text *text, int64_t value);
void wire_text_comma(struct wire_text *text,
                     size_t index); // a comma before all items but the first
tidings_status wire_text_end(struct wire_text *text) TIDINGS_NODISCARD;

#endif
