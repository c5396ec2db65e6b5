// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "acl/acl.h"
#include "acl/address.h"

static struct str bytes_of(const char *address, unsigned char bytes[16])
{
    if (inet_pton(AF_INET, address, bytes) == 1) {
        return str_make(bytes, 4);
    }
    assert_int_equal(inet_pton(AF_INET6, address, bytes), 1);
    return str_make(bytes, 16);
}

static bool hit(const char *pattern, const char *address)
{
    struct acl_patterns patterns = { 0 };
    struct tidings_error err = { 0 };
    unsigned char bytes[16];
    tidings_status status = acl_patterns_add(&patterns, str_of(pattern), &err);
    if (status != TIDINGS_OK) {
        print_message("%s: %s\n", pattern, err.text);
    }
    assert_int_equal(status, TIDINGS_OK);
    bool matched = acl_patterns_match(&patterns, bytes_of(address, bytes));
    acl_patterns_free(&patterns);
    return matched;
}

// What RemoteAddressStrategyFactory of rocketmq-acl 4.9.7 answers for each pattern and address.
static const char *const addresses[] = {
    "127.0.0.1",
    "127.0.0.2",
    "127.0.0.200",
    "127.0.0.201",
    "127.0.1.9",
    "127.0.20.255",
    "127.0.21.1",
    "127.9.9.9",
    "192.100.0.1",
    "192.151.0.1",
    "10.10.103.77",
    "10.10.104.1",
    "10.1.2.3",
    "0:0:0:0:0:0:0:1",
    "1050:0:0:0:5:600:300c:326b",
    "1050:0:0:0:5:600:300c:1",
    "1050:0:0:0:5:600:300c:3",
    "1050:0:0:0:5:600:300c:200",
    "1050:0:0:0:5:600:300c:201",
    "1050:0:0:5:600:300c:1:77",
    "1050:0:0:5:600:300c:20:1",
    "1050:0:0:5:600:300c:21:1",
    "1050:5:600:300c:3261:1:2:3",
};
static const char *const same[][2] = {
    { "*", "11111111111111111111111" },
    { "*.*.*.*", "11111111111111111111111" },
    { "*:*:*:*:*:*:*:*", "11111111111111111111111" },
    { "127.0.0.1", "10000000000000000000000" },
    { "127.0.0.*", "11110000000000000000000" },
    { "127.0.0.1-200", "11100000000000000000000" },
    { "127.0.1-20.*", "00001100000000000000000" },
    { "127.*.*.*", "11111111000000000000000" },
    { "192.100-150.*.*", "00000000100000000000000" },
    { "10.10.103.*", "00000000001000000000000" },
    { "127.0.0.{1,2,3}", "11000000000000000000000" },
    { "127.0.0.1,127.0.0.2,10.1.2.3", "11000000000010000000000" },
    { "::1", "00000000000001000000000" },
    { "1050:0000:0000:0000:0005:0600:300c:326b", "00000000000000100000000" },
    { "1050::5:600:300c:326b", "00000000000000100000000" },
    { "1050::0005:0600:300c:{1,2,3}", "00000000000000011000000" },
    { "1050::0005:0600:300c:1-200", "00000000000000011100000" },
    { "1050::0005:0600:300c:*", "00000000000000111110000" },
    { "1050::0005:0600:300c:1-20:*", "00000000000000000001100" },
    { "1050:0005:0600:300c:3261:*", "00000000000000000000001" },
    { "1050::0005:0600:300c:1,1050::0005:0600:300c:2", "00000000000000010000000" },
};

static void patterns_match_as_in_rocketmq(void **state)
{
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(same); i++) {
        for (size_t n = 0; n < BASE_COUNT(addresses); n++) {
            if (hit(same[i][0], addresses[n]) != (same[i][1][n] == '1')) {
                fail_msg("%s and %s", same[i][0], addresses[n]);
            }
        }
    }
}

static void prefixes_are_known_too(void **state)
{
    (void)state;
    assert_true(hit("10.0.0.0/8", "10.255.0.1"));
    assert_false(hit("10.0.0.0/8", "11.0.0.1"));
    assert_true(hit("10.1.2.128/25", "10.1.2.128"));
    assert_true(hit("10.1.2.128/25", "10.1.2.255"));
    assert_false(hit("10.1.2.128/25", "10.1.2.127"));
    assert_true(hit("10.1.2.3/32", "10.1.2.3"));
    assert_false(hit("10.1.2.3/32", "10.1.2.4"));
    assert_true(hit("0.0.0.0/0", "203.0.113.9"));
    assert_false(hit("0.0.0.0/0", "2001:db8::9")); // of IPv4 only, unlike a star
    assert_true(hit("2001:db8::/32", "2001:db8:ffff::1"));
    assert_false(hit("2001:db8::/32", "2001:db9::1"));
    assert_true(hit("fd00:0:0:8000::/49", "fd00:0:0:ffff::1"));
    assert_false(hit("fd00:0:0:8000::/49", "fd00:0:0:7fff::1"));
    assert_true(hit("::/0", "fe80::1"));
    assert_false(hit("::/0", "10.0.0.1"));
    assert_true(hit("::1/128", "::1"));
}

static void parts_may_be_ranges_anywhere(void **state)
{
    (void)state;
    assert_true(hit("10.0-1.0.5", "10.1.0.5"));
    assert_false(hit("10.0-1.0.5", "10.1.0.6"));
    assert_true(hit("1-9.0.0.0-0", "9.0.0.0"));
    assert_true(hit("*.0.0.1", "10.0.0.1"));
    assert_true(hit("fd00::*:1", "fd00::77:1"));
    assert_false(hit("fd00::*:1", "fd00::77:2"));
    assert_true(hit("fd00::A-f", "fd00::b"));
    assert_false(hit("fd00::A-f", "fd00::10"));
    assert_true(hit("::*", "::9"));
    assert_true(hit("fd00:*", "fd00:1:2:3:4:5:6:7"));
    assert_true(hit("fd00::{1,2-4,*}", "fd00::3"));
    assert_true(hit(" 10.0.0.1 , 10.0.0.{ 2 , 3 } ", "10.0.0.3"));
    assert_true(hit("10.0.0.{1,2},fd00::1,10.7.*.*", "10.7.1.1"));
    assert_true(hit("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"));
    assert_true(hit("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"));
}

static void an_address_of_ipv4_is_one_however_written(void **state)
{
    (void)state;
    assert_true(hit("10.0.0.*", "::ffff:10.0.0.7"));
    assert_true(hit("::ffff:10.0.0.7", "10.0.0.7"));
    assert_true(hit("::ffff:a00:7", "10.0.0.7"));
    assert_true(hit("::ffff:10.0.0.0/104", "10.200.1.2"));
    assert_false(hit("::ffff:10.0.0.0/104", "11.0.0.1"));
    assert_false(hit("::ffff:10.0.0.7", "::10.0.0.7"));
    assert_true(hit("::10.0.0.7", "::10.0.0.7"));
}

static void unknown_peers_match_only_the_star(void **state)
{
    (void)state;
    struct acl_patterns patterns = { 0 };
    assert_false(acl_patterns_match(&patterns, STR("")));
    assert_int_equal(acl_patterns_add(&patterns, STR("0.0.0.0/0,::/0"), NULL), TIDINGS_OK);
    assert_false(acl_patterns_match(&patterns, STR("")));
    assert_false(acl_patterns_match(&patterns, (struct str){ NULL, 0 }));
    assert_false(acl_patterns_match(&patterns, STR("12345")));
    assert_int_equal(acl_patterns_add(&patterns, STR("*"), NULL), TIDINGS_OK);
    assert_true(acl_patterns_match(&patterns, (struct str){ NULL, 0 }));
    acl_patterns_free(&patterns);
    assert_int_equal(patterns.count, 0);
}

static const char *const wrong_ones[] = {
    // those that RocketMQ refuses, too
    "256.0.0.1",
    "127.0.0",
    "127.0.0.1.2",
    "127.0.0.5-1",
    "127.0.0.-5",
    "::1ggg",
    "127.0.0.1,2,3}",
    "192.168.{1}",
    "{192.168.1.1}",
    "127.0.0.300-400",
    "a.b.c.d",
    "01.2.3.4",
    "",
    " ",
    ",",
    "10.0.0.1,",
    ",10.0.0.1",
    "10.0.0.1,,10.0.0.2",
    "**",
    "*.*",
    "*.",
    "10.*",
    "10.0.0.1 10.0.0.2",
    "10.0.0.",
    ".0.0.1",
    "10..0.1",
    "10.0.0.+1",
    "10.0.0.1-",
    "10.0.0.1--5",
    "10.0.0.0--0",
    "10.0.0.1-2-3",
    "10.0.0.1e1",
    "10.0.0.0x1",
    "1000.0.0.1",
    "10.0.0.*1",
    "10.0.0.{}",
    "10.0.0.{1,}",
    "10.0.0.{,1}",
    "10.0.0.{1",
    "10.0.0.{1,{2}}",
    "10.0.0.{1}.5",
    "10.0.0.{1}{2}",
    "10.0.0{1,2}",
    "{1,2}",
    "10.0.0.1}",
    "10.0.0.{1,300}",
    "10.0.{1,2}.3",
    "10.0.0.0/",
    "10.0.0.0/33",
    "10.0.0.0/-1",
    "10.0.0.0/-0",
    "10.0.0.1/8",
    "10.0.0.*/8",
    "10.0.0.0/8/8",
    "10.0.0.0/0008",
    "/8",
    "*/0",
    ":",
    ":::",
    "1::2::3",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7:8::",
    "1:2:3:4::5:6:7:8",
    ":1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:",
    "::10000",
    "::1-",
    "::2-1",
    "::-1",
    "1:2:1-5",
    "fe80::1%eth0",
    "[::1]",
    "::/129",
    "fd00::1/8",
    "fd00::*/8",
    "::1.2.3",
    "::1.2.3.*",
    "::ffff:*:*",
    "::ffff:0:1-5",
    "::ffff:0:0/95x",
    "10.0.0.1:80",
    "localhost",
    "10.0.0.1\n10.0.0.2",
};

static void wrong_patterns_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(wrong_ones); i++) {
        struct acl_patterns patterns = { 0 };
        struct tidings_error err = { 0 };
        if (acl_patterns_add(&patterns, str_of(wrong_ones[i]), &err) != TIDINGS_E_INVALID) {
            fail_msg("taken: \"%s\"", wrong_ones[i]);
        }
        assert_non_null(strstr(err.text, "10.0.0.0/8")); // says what would be right
        acl_patterns_free(&patterns);
    }
    struct acl_patterns patterns = { 0 };
    assert_int_equal(acl_patterns_add(&patterns, (struct str){ NULL, 0 }, NULL), TIDINGS_E_INVALID);
    acl_patterns_free(&patterns);
}

static void texts_in_errors_are_printable_and_short(void **state)
{
    (void)state;
    char text[400];
    struct acl_patterns patterns = { 0 };
    struct tidings_error err = { 0 };
    memset(text, '1', sizeof text);
    assert_int_equal(acl_patterns_add(&patterns, str_make(text, sizeof text), &err),
                     TIDINGS_E_INVALID);
    assert_non_null(strstr(err.text, "too long"));
    assert_int_equal(acl_patterns_add(&patterns, STR("a\x1b[2J\xff"), &err), TIDINGS_E_INVALID);
    assert_non_null(strstr(err.text, "\"a?[2J?\""));
    acl_patterns_free(&patterns);
}

static void lists_have_a_maximum(void **state)
{
    (void)state;
    struct acl_patterns patterns = { 0 };
    struct tidings_error err = { 0 };
    for (int i = 0; i < ACL_ADDRESSES_MAX / 2; i++) {
        assert_int_equal(acl_patterns_add(&patterns, STR("10.0.0.{1,2}"), &err), TIDINGS_OK);
    }
    assert_int_equal(patterns.count, ACL_ADDRESSES_MAX);
    assert_int_equal(acl_patterns_add(&patterns, STR("10.0.0.3"), &err), TIDINGS_E_TOO_LARGE);
    assert_int_equal(patterns.count, ACL_ADDRESSES_MAX);
    acl_patterns_free(&patterns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_match_as_in_rocketmq),
        cmocka_unit_test(prefixes_are_known_too),
        cmocka_unit_test(parts_may_be_ranges_anywhere),
        cmocka_unit_test(an_address_of_ipv4_is_one_however_written),
        cmocka_unit_test(unknown_peers_match_only_the_star),
        cmocka_unit_test(wrong_patterns_are_refused),
        cmocka_unit_test(texts_in_errors_are_printable_and_short),
        cmocka_unit_test(lists_have_a_maximum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
