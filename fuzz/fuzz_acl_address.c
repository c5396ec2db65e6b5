// SPDX-License-Identifier: Apache-2.0
// Address patterns: whatever is taken has parts in their bounds and matches its own ends.
#include "acl/acl.h"
#include "acl/address.h"
#include "base/num.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct str address_of(const struct acl_pattern *pattern, const uint16_t *parts,
                             unsigned char bytes[16])
{
    for (size_t i = 0; i < pattern->parts; i++) {
        if (pattern->parts == 4) {
            bytes[i] = (unsigned char)parts[i];
        } else {
            num_store_be16(bytes + 2 * i, parts[i]);
        }
    }
    return str_make(bytes, pattern->parts == 4 ? 4 : 16);
}

static void check_pattern(const struct acl_patterns *patterns, const struct acl_pattern *pattern)
{
    static const unsigned char mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF };
    const uint16_t *const ends[2] = { pattern->low, pattern->high };
    BASE_ASSERT(pattern->parts == 0 || pattern->parts == 4 || pattern->parts == 8);
    for (size_t i = 0; i < pattern->parts; i++) {
        BASE_ASSERT(pattern->low[i] <= pattern->high[i]);
        BASE_ASSERT(pattern->parts == 8 || pattern->high[i] <= 255);
    }
    for (size_t end = 0; end < 2; end++) {
        unsigned char bytes[16];
        struct str address = address_of(pattern, ends[end], bytes);
        // A range of IPv6 may begin or end among the addresses that are IPv4's.
        if (pattern->parts == 8 && memcmp(bytes, mapped, sizeof mapped) == 0) {
            continue;
        }
        BASE_ASSERT(acl_patterns_match(patterns, address));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct acl_patterns patterns = { 0 };
    struct tidings_error err = { 0 };
    tidings_status status = acl_patterns_add(&patterns, str_make(data, size), &err);
    BASE_ASSERT(status == TIDINGS_OK ? patterns.count > 0 : err.text[0] != '\0');
    BASE_ASSERT(patterns.count <= ACL_ADDRESSES_MAX);
    for (size_t i = 0; i < patterns.count; i++) {
        check_pattern(&patterns, &patterns.items[i]);
    }
    acl_patterns_free(&patterns);
    return 0;
}
