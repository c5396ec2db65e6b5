// SPDX-License-Identifier: Apache-2.0
// Sixteen bytes at a time by multiplication without carries, as V. Gopal, E. Ozturk and others
// describe it in "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction" (Intel,
// 2009), for bit-reflected data; what is left, and everything where the processor cannot do it, by
// zlib.
//
// A block of 128 bits is moved n bits further by multiplying its halves with x^(n+32) and x^(n-32),
// modulo the polynomial. The numbers below are these remainders, reflected, one bit to the left.
#include "wire/crc32.h"

#include <zlib.h>

#ifdef __x86_64__
#include <smmintrin.h>
#include <wmmintrin.h>
#endif

uint32_t wire_crc32_plain(const void *bytes, size_t len)
{
    // A null pointer would ask zlib for its start value.
    return len > 0 ? (uint32_t)crc32_z(0, bytes, len) : 0;
}

#ifdef __x86_64__
enum { BLOCK = 16, LANES = 4, LEAST = BLOCK * LANES };

#define BY_MULTIPLYING __attribute__((target("pclmul,sse4.1")))

BY_MULTIPLYING static inline __m128i load(const unsigned char *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

// `block`, moved as far as `by` says, added to what stands there.
BY_MULTIPLYING static inline __m128i move(__m128i block, __m128i by, __m128i there)
{
    __m128i low = _mm_clmulepi64_si128(block, by, 0x00);
    __m128i high = _mm_clmulepi64_si128(block, by, 0x11);
    return _mm_xor_si128(_mm_xor_si128(low, high), there);
}

// The remainder of 128 bits: to 96, to 64, then by Barrett's method to 32.
BY_MULTIPLYING static inline uint32_t reduce(__m128i block, __m128i by_block)
{
    const __m128i words = _mm_set_epi32(0, -1, 0, -1);
    const __m128i by_64 = _mm_set_epi64x(0, 0x163cd6124);
    const __m128i barrett = _mm_set_epi64x(0x1f7011641, 0x1db710641);
    block = _mm_xor_si128(_mm_srli_si128(block, 8), _mm_clmulepi64_si128(block, by_block, 0x10));
    block = _mm_xor_si128(_mm_srli_si128(block, 4),
                          _mm_clmulepi64_si128(_mm_and_si128(block, words), by_64, 0x00));
    __m128i quotient = _mm_clmulepi64_si128(_mm_and_si128(block, words), barrett, 0x10);
    __m128i product = _mm_clmulepi64_si128(_mm_and_si128(quotient, words), barrett, 0x00);
    return (uint32_t)_mm_extract_epi32(_mm_xor_si128(block, product), 1);
}

// Whole blocks, at least LEAST bytes.
BY_MULTIPLYING static uint32_t crc32_of_blocks(const unsigned char *p, size_t len)
{
    const __m128i by_lanes = _mm_set_epi64x(0x1c6e41596, 0x154442bd4);
    const __m128i by_block = _mm_set_epi64x(0x0ccaa009e, 0x1751997d0);
    __m128i lanes[LANES];
    for (int i = 0; i < LANES; i++) {
        lanes[i] = load(p + i * BLOCK);
    }
    lanes[0] = _mm_xor_si128(lanes[0], _mm_cvtsi32_si128(-1));
    for (p += LEAST, len -= LEAST; len >= LEAST; p += LEAST, len -= LEAST) {
        for (int i = 0; i < LANES; i++) {
            lanes[i] = move(lanes[i], by_lanes, load(p + i * BLOCK));
        }
    }
    __m128i sum = lanes[0];
    for (int i = 1; i < LANES; i++) {
        sum = move(sum, by_block, lanes[i]);
    }
    for (; len > 0; p += BLOCK, len -= BLOCK) {
        sum = move(sum, by_block, load(p));
    }
    return ~reduce(sum, by_block);
}
#endif

uint32_t wire_crc32(const void *bytes, size_t len)
{
#ifdef __x86_64__
    if (len >= LEAST && __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1")) {
        size_t blocks = len - len % BLOCK;
        uint32_t crc = crc32_of_blocks(bytes, blocks);
        return len == blocks ? crc
                             : (uint32_t)crc32_z(crc, (const Bytef *)bytes + blocks, len - blocks);
    }
#endif
    return wire_crc32_plain(bytes, len);
}
