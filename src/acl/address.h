// SPDX-License-Identifier: Apache-2.0
// Lists of addresses and address patterns. The syntax is that of RocketMQ's white lists, plus
// prefixes in CIDR form (RFC 4632, RFC 4291 section 2.3):
//   10.0.0.1   10.0.0.*   10.0.1-20.*   10.0.0.{1,2,7}   10.0.0.0/8   *
//   fd00::1    fd00::1:*  fd00::1-ff    fd00::{1,2}      fd00::/8
//   fd00:1:*   (fewer than eight groups and no `::`: the star stands for all that follow)
// and several of them with commas between. Numbers of IPv6 are hexadecimal, in ranges too.
#ifndef ACL_ADDRESS_H
#define ACL_ADDRESS_H

#include "base/str.h"

enum { ADDRESS_TEXT_MAX = 128 }; // bytes of one pattern

// An address matches when each of its parts (4 octets, or 8 groups of 16 bits) lies in its range.
struct acl_pattern {
    uint8_t parts; // 4, 8; 0: every address
    uint16_t low[8];
    uint16_t high[8];
};

struct acl_patterns {
    struct acl_pattern *items;
    size_t count;
    size_t size;
};

// Starts as { 0 }. Adds all that `text` says; white space around a pattern is passed over.
// E_INVALID with what is wrong and what would be right, E_TOO_LARGE beyond ACL_ADDRESSES_MAX; the
// list may then hold a part of it. A blank text is E_INVALID.
tidings_status acl_patterns_add(struct acl_patterns *patterns, struct str text,
                                struct tidings_error *err) TIDINGS_NODISCARD;
void acl_patterns_free(struct acl_patterns *patterns); // frees what is inside
// `peer`: 4 or 16 bytes in network order; IPv4 inside IPv6 (::ffff:a.b.c.d) counts as IPv4. Other
// lengths match only the pattern for every address.
bool acl_patterns_match(const struct acl_patterns *patterns, struct str peer);

#endif
