// SPDX-License-Identifier: Apache-2.0
// Ranges of addresses, and what the blocked ones are. Private to the room.
#ifndef HTTP_RANGES_H
#define HTTP_RANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct range {
    uint8_t address[16];
    uint8_t len;  // 4 or 16
    uint8_t bits; // of the prefix
    const char *kind;
};
bool range_has(const struct range *range, const uint8_t *address, size_t len);
bool range_is_exact(const struct range *range); // no bit is set behind the prefix
// A range of mapped addresses (::ffff:10.0.0.0/104) becomes the one of IPv4 that it is.
void range_unmap(struct range *range);
// The range that blocks this address, or NULL.
const struct range *range_blocking(const uint8_t *address, size_t len);

// Addresses of IPv6 that stand for an address of IPv4.
struct carrier {
    struct range range;
    uint8_t offset;   // where it is
    uint8_t inverted; // its bits are turned over (Teredo)
    bool is_same;     // the same address in another coat
    const char *kind;
};
// NULL when the address carries none.
const struct carrier *carrier_of(const uint8_t address[16], uint8_t ret[4]);

#endif
