// SPDX-License-Identifier: Apache-2.0
// After the registries of special addresses (RFC 6890, RFC 8190 and what was added since).
#include "http/ranges.h"

#include <string.h>

#include "base/compiler.h"

#define V4(a, b, c, d) { a, b, c, d }, 4

static const struct range blocked_v4[] = {
    { V4(0, 0, 0, 0), 8, "address of this network" },        // RFC 791
    { V4(10, 0, 0, 0), 8, "private address" },               // RFC 1918
    { V4(100, 64, 0, 0), 10, "shared address" },             // RFC 6598
    { V4(127, 0, 0, 0), 8, "loopback address" },             // RFC 1122
    { V4(169, 254, 0, 0), 16, "link-local address" },        // RFC 3927
    { V4(172, 16, 0, 0), 12, "private address" },            // RFC 1918
    { V4(192, 0, 0, 0), 24, "protocol assignment address" }, // RFC 6890
    { V4(192, 0, 2, 0), 24, "documentation address" },       // RFC 5737
    { V4(192, 88, 99, 0), 24, "6to4 relay address" },        // RFC 7526
    { V4(192, 168, 0, 0), 16, "private address" },           // RFC 1918
    { V4(198, 18, 0, 0), 15, "benchmarking address" },       // RFC 2544
    { V4(198, 51, 100, 0), 24, "documentation address" },    // RFC 5737
    { V4(203, 0, 113, 0), 24, "documentation address" },     // RFC 5737
    { V4(224, 0, 0, 0), 4, "multicast address" },            // RFC 5771
    { V4(255, 255, 255, 255), 32, "broadcast address" },     // RFC 919
    { V4(240, 0, 0, 0), 4, "reserved address" },             // RFC 1112
};

static const struct range blocked_v6[] = {
    { { 0 }, 16, 128, "unspecified address" },                             // ::
    { { [15] = 1 }, 16, 128, "loopback address" },                         // ::1
    { { 0 }, 16, 8, "reserved address" },                                  // ::/8
    { { 0x01, 0x00 }, 16, 64, "discard address" },                         // 100::/64, RFC 6666
    { { 0x01, 0x00, [7] = 0x01 }, 16, 64, "dummy address" },               // 100:0:0:1::/64
    { { 0x20, 0x01, 0x00, 0x02 }, 16, 48, "benchmarking address" },        // 2001:2::/48, RFC 5180
    { { 0x20, 0x01, 0x0d, 0xb8 }, 16, 32, "documentation address" },       // 2001:db8::/32
    { { 0x20, 0x01, 0x00, 0x00 }, 16, 23, "protocol assignment address" }, // 2001::/23
    { { 0x3f, 0xff }, 16, 20, "documentation address" },                   // 3fff::/20, RFC 9637
    { { 0x5f, 0x00 }, 16, 16, "segment routing address" },                 // 5f00::/16, RFC 9602
    { { 0xfc, 0x00 }, 16, 7, "private address" },                          // RFC 4193
    { { 0xfe, 0x80 }, 16, 10, "link-local address" },                      // RFC 4291
    { { 0xfe, 0xc0 }, 16, 10, "site-local address" },                      // RFC 3879
    { { 0xff, 0x00 }, 16, 8, "multicast address" },                        // RFC 4291
};

#define MAPPED                                                                                     \
    {                                                                                              \
        [10] = 0xff, [11] = 0xff                                                                   \
    }
#define TRANSLATED                                                                                 \
    {                                                                                              \
        [8] = 0xff, [9] = 0xff                                                                     \
    }
#define NAT64                                                                                      \
    {                                                                                              \
        0x00, 0x64, 0xff, 0x9b                                                                     \
    }
#define NAT64_HERE                                                                                 \
    {                                                                                              \
        0x00, 0x64, 0xff, 0x9b, 0x00, 0x01                                                         \
    }

static const struct carrier carriers[] = {
    { { MAPPED, 16, 96, "" }, 12, 0, true, "mapped address" },             // ::ffff:a.b.c.d
    { { TRANSLATED, 16, 96, "" }, 12, 0, false, "translated address" },    // ::ffff:0:a.b.c.d
    { { NAT64, 16, 96, "" }, 12, 0, false, "NAT64 address" },              // RFC 6052
    { { NAT64_HERE, 16, 48, "" }, 12, 0, false, "NAT64 address" },         // RFC 8215
    { { { 0x20, 0x02 }, 16, 16, "" }, 2, 0, false, "6to4 address" },       // RFC 3056
    { { { 0x20, 0x01 }, 16, 32, "" }, 12, 0xff, false, "Teredo address" }, // RFC 4380
};

bool range_has(const struct range *range, const uint8_t *address, size_t len)
{
    size_t whole = range->bits / 8;
    unsigned rest = range->bits % 8;
    return len == range->len && memcmp(address, range->address, whole) == 0 &&
           (rest == 0 || ((address[whole] ^ range->address[whole]) >> (8 - rest)) == 0);
}

bool range_is_exact(const struct range *range)
{
    for (size_t bit = range->bits; bit < (size_t)range->len * 8; bit++) {
        if ((range->address[bit / 8] & (0x80 >> (bit % 8))) != 0) {
            return false;
        }
    }
    return true;
}

void range_unmap(struct range *range)
{
    static const uint8_t prefix[12] = MAPPED;
    if (range->len == 16 && range->bits >= 96 &&
        memcmp(range->address, prefix, sizeof prefix) == 0) {
        memmove(range->address, range->address + 12, 4);
        range->len = 4;
        range->bits -= 96;
    }
}

const struct range *range_blocking(const uint8_t *address, size_t len)
{
    const struct range *ranges = len == 4 ? blocked_v4 : blocked_v6;
    size_t count = len == 4 ? BASE_COUNT(blocked_v4) : BASE_COUNT(blocked_v6);
    for (size_t i = 0; i < count; i++) {
        if (range_has(&ranges[i], address, len)) {
            return &ranges[i];
        }
    }
    return NULL;
}

const struct carrier *carrier_of(const uint8_t address[16], uint8_t ret[4])
{
    for (size_t i = 0; i < BASE_COUNT(carriers); i++) {
        const struct carrier *carrier = &carriers[i];
        if (range_has(&carrier->range, address, 16)) {
            for (size_t k = 0; k < 4; k++) {
                ret[k] = address[carrier->offset + k] ^ carrier->inverted;
            }
            return carrier;
        }
    }
    return NULL;
}
