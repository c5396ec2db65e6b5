// SPDX-License-Identifier: Apache-2.0
// Which addresses may be connected to, which URLs are taken.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <stdio.h>

#include "http/policy.h"

static bool judge(struct http_policy *policy, const char *text, char *reason, size_t size)
{
    uint8_t bytes[16];
    bool v4 = inet_pton(AF_INET, text, bytes) == 1;
    assert_true(v4 || inet_pton(AF_INET6, text, bytes) == 1);
    reason[0] = '\0';
    return http_policy_allows(policy, bytes, v4 ? 4 : 16, reason, size);
}

static struct http_policy *make(const char *allow)
{
    struct http_policy *policy = NULL;
    struct tidings_error err = { 0 };
    if (http_policy_new(str_of(allow), &policy, &err) != TIDINGS_OK) {
        fail_msg("%s: %s", allow, err.text);
    }
    return policy;
}

static const struct {
    const char *address;
    const char *reason; // NULL: allowed
} special[] = {
    { "0.0.0.0", "address of this network" },
    { "0.255.255.255", "address of this network" },
    { "1.0.0.0", NULL },
    { "9.255.255.255", NULL },
    { "10.0.0.0", "private address" },
    { "10.255.255.255", "private address" },
    { "11.0.0.0", NULL },
    { "100.63.255.255", NULL },
    { "100.64.0.0", "shared address" },
    { "100.127.255.255", "shared address" },
    { "100.128.0.0", NULL },
    { "126.255.255.255", NULL },
    { "127.0.0.1", "loopback address" },
    { "127.255.255.255", "loopback address" },
    { "128.0.0.0", NULL },
    { "169.253.255.255", NULL },
    { "169.254.169.254", "link-local address" },
    { "169.255.0.0", NULL },
    { "172.15.255.255", NULL },
    { "172.16.0.0", "private address" },
    { "172.31.255.255", "private address" },
    { "172.32.0.0", NULL },
    { "192.0.0.8", "protocol assignment address" },
    { "192.0.1.0", NULL },
    { "192.0.2.1", "documentation address" },
    { "192.88.99.1", "6to4 relay address" },
    { "192.167.255.255", NULL },
    { "192.168.0.0", "private address" },
    { "192.169.0.0", NULL },
    { "198.17.255.255", NULL },
    { "198.18.0.0", "benchmarking address" },
    { "198.19.255.255", "benchmarking address" },
    { "198.20.0.0", NULL },
    { "198.51.100.9", "documentation address" },
    { "203.0.113.9", "documentation address" },
    { "223.255.255.255", NULL },
    { "224.0.0.0", "multicast address" },
    { "239.255.255.255", "multicast address" },
    { "240.0.0.0", "reserved address" },
    { "255.255.255.254", "reserved address" },
    { "255.255.255.255", "broadcast address" },
    { "8.8.8.8", NULL },
    { "::", "unspecified address" },
    { "::1", "loopback address" },
    { "::2", "reserved address" },
    { "::7f00:1", "reserved address" },
    { "100::1", "discard address" },
    { "100:0:0:1::1", "dummy address" },
    { "2001:1::1", "protocol assignment address" },
    { "2001:2::1", "benchmarking address" },
    { "2001:200::1", NULL },
    { "2001:db8::1", "documentation address" },
    { "2001:db9::1", NULL },
    { "2606:4700::1111", NULL },
    { "3ffe:ffff::1", NULL },
    { "3fff::1", "documentation address" },
    { "3fff:0fff::1", "documentation address" },
    { "3fff:1000::1", NULL },
    { "5f00::1", "segment routing address" },
    { "fbff::1", NULL },
    { "fc00::1", "private address" },
    { "fdff::1", "private address" },
    { "fe80::1", "link-local address" },
    { "febf::1", "link-local address" },
    { "fec0::1", "site-local address" },
    { "ff02::1", "multicast address" },
    // IPv6 that stands for IPv4
    { "::ffff:8.8.8.8", NULL },
    { "::ffff:127.0.0.1", "loopback address inside a mapped address" },
    { "::ffff:0:127.0.0.1", "loopback address inside a translated address" },
    { "::ffff:0:8.8.8.8", "translated address" },
    { "64:ff9b::10.1.1.1", "private address inside a NAT64 address" },
    { "64:ff9b::8.8.8.8", "NAT64 address" },
    { "64:ff9b:1::8.8.8.8", "NAT64 address" },
    { "2002:7f00:1::", "loopback address inside a 6to4 address" },
    { "2002:a9fe:a9fe::1", "link-local address inside a 6to4 address" },
    { "2002:808:808::1", "6to4 address" },
    { "2001:0:808:808::80ff:fffe", "loopback address inside a Teredo address" }, // inverted
    { "2001:0:808:808::f7f7:f7f7", "Teredo address" },
};

static void special_addresses_are_blocked(void **state)
{
    char reason[128];
    struct http_policy *policy = make("");
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(special); i++) {
        bool allowed = judge(policy, special[i].address, reason, sizeof reason);
        if (allowed != (special[i].reason == NULL) ||
            (!allowed && strcmp(reason, special[i].reason) != 0)) {
            fail_msg("%s: %d \"%s\"", special[i].address, allowed, reason);
        }
    }
    assert_false(http_policy_allows(policy, (const uint8_t *)"abc", 3, reason, sizeof reason));
    assert_false(judge(policy, "127.0.0.1", reason, 5)); // a short text is cut
    assert_string_equal(reason, "loop");
    http_policy_free(policy);
    http_policy_free(NULL);
}

static void ranges_can_be_allowed(void **state)
{
    char reason[128];
    struct http_policy *policy =
        make(" 10.0.0.0/8,192.168.1.7\tfd00::/8 ::ffff:172.16.0.0/108, 64:ff9b::/96 127.0.0.2/31");
    (void)state;
    assert_true(judge(policy, "10.255.0.1", reason, sizeof reason));
    assert_true(judge(policy, "192.168.1.7", reason, sizeof reason));
    assert_false(judge(policy, "192.168.1.8", reason, sizeof reason));
    assert_true(judge(policy, "127.0.0.3", reason, sizeof reason));
    assert_false(judge(policy, "127.0.0.4", reason, sizeof reason));
    assert_true(judge(policy, "172.31.0.1", reason, sizeof reason));
    assert_true(judge(policy, "::ffff:10.1.1.1", reason, sizeof reason));
    assert_true(judge(policy, "fd12::1", reason, sizeof reason));
    assert_false(judge(policy, "fc12::1", reason, sizeof reason));
    // A gateway that is allowed opens no way to what is blocked.
    assert_true(judge(policy, "64:ff9b::8.8.8.8", reason, sizeof reason));
    assert_true(judge(policy, "64:ff9b::10.1.1.1", reason, sizeof reason));
    assert_false(judge(policy, "64:ff9b::127.0.0.1", reason, sizeof reason));
    assert_string_equal(reason, "loopback address inside a NAT64 address");
    http_policy_free(policy);
    policy = make("0.0.0.0/0 ::/0");
    assert_true(judge(policy, "127.0.0.1", reason, sizeof reason));
    assert_true(judge(policy, "::1", reason, sizeof reason));
    assert_true(judge(policy, "2002:7f00:1::", reason, sizeof reason));
    http_policy_free(policy);
}

static void wrong_ranges_are_named(void **state)
{
    static const char *const rows[] = { "10.0.0.1/8",  "10.0.0.0/33",  "10.0.0.0/",
                                        "10.0.0.0/-1", "10.0.0.0/+8",  "10.0.0/8",
                                        "010.0.0.0/8", "fd00::1/8",    "fd00::/129",
                                        "fe80::1%lo",  "localhost",    "/8",
                                        "10.0.0.0/8x", "10.0.0.0/8/8", "10.0.0.0/0008" };
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        char text[128];
        struct http_policy *policy = NULL;
        struct tidings_error err = { 0 };
        (void)snprintf(text, sizeof text, "192.168.0.0/16, %s", rows[i]);
        assert_int_equal(http_policy_new(str_of(text), &policy, &err), TIDINGS_E_INVALID);
        if (strstr(err.text, rows[i]) == NULL) {
            fail_msg("%s: %s", rows[i], err.text);
        }
    }
    char many[HTTP_POLICY_RANGES_MAX * 8 + 16] = "";
    for (size_t i = 0; i < HTTP_POLICY_RANGES_MAX; i++) {
        memcpy(many + i * 8, "1.2.3.4 ", 8);
    }
    http_policy_free(make(many));
    memcpy(many + HTTP_POLICY_RANGES_MAX * 8, "1.2.3.4 ", 8);
    struct http_policy *policy = NULL;
    assert_int_equal(http_policy_new(str_of(many), &policy, NULL), TIDINGS_E_INVALID);
}

static void good_urls_are_taken(void **state)
{
    static const char *const rows[] = {
        "http://a",
        "https://host.example/path?query=1&x=%20",
        "HTTPS://Host.Example:8443",
        "http://host.example.:80/",
        "http://192.0.2.1:1/",
        "http://[2001:db8::1]:65535/x",
        "http://[::ffff:1.2.3.4]",
        "https://xn--fiqs8s.example/a;b=c,d@e:f!$'()*+",
        "http://a?x",
        "http://7eleven.example",
        "http://a_b.example/",
        "http://1.2.3.4.example/",
        "http://0xyz/",
    };
    struct tidings_error err = { 0 };
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        if (http_url_check(str_of(rows[i]), &err) != TIDINGS_OK) {
            fail_msg("%s: %s", rows[i], err.text);
        }
    }
}

static void wrong_urls_are_refused(void **state)
{
    static const struct {
        const char *url;
        const char *says;
    } rows[] = {
        { "", "neither http" },
        { "ftp://a/", "neither http" },
        { "http:/a", "neither http" },
        { "httpss://a", "neither http" },
        { "//a/", "neither http" },
        { "http://", "the host is missing" },
        { "http:///a", "the host is missing" },
        { "http://:80/", "the host is missing" },
        { "http://?a", "the host is missing" },
        { "http://u@a/", "user and password" },
        { "http://u:p@a/", "user and password" },
        { "http://good.example@127.0.0.1/", "user and password" },
        { "http://a/#b", "fragment" },
        { "http://a b/", "byte 9 (0x20)" },
        { "http://a/\r\nHost: b", "byte 10 (0x0d)" },
        { "http://a/\\b", "byte 10 (0x5c)" },
        { "http://\xc3\xa4/", "byte 8 (0xc3)" },
        { "http://a:/", "the port" },
        { "http://a:0/", "the port" },
        { "http://a:65536/", "the port" },
        { "http://a:80a/", "the port" },
        { "http://a:+80/", "the port" },
        { "http://a:80:80/", "the port" },
        { "http://127.1/", "numeric host" },
        { "http://2130706433/", "numeric host" },
        { "http://0x7f000001/", "numeric host" },
        { "http://0x7f.0.0.1/", "numeric host" },
        { "http://0177.0.0.1/", "numeric host" },
        { "http://127.0.0.01/", "numeric host" },
        { "http://127.0.0.1./", "numeric host" },
        { "http://1.2.3.256/", "numeric host" },
        { "http://1.2.3.4.5/", "numeric host" },
        { "http://0x/", "numeric host" },
        { "http://a.0x1/", "numeric host" },
        { "http://a..b/", "other characters" },
        { "http://./", "other characters" },
        { "http://-a/", "other characters" },
        { "http://a-/", "other characters" },
        { "http://a%2eb/", "other characters" },
        { "http://a,b/", "other characters" },
        { "http://[::1/", "between [ and ]" },
        { "http://[1.2.3.4]/", "between [ and ]" },
        { "http://[fe80::1%25lo]/", "between [ and ]" },
        { "http://[::1]x/", "behind the host" },
        { "http://[::1]:x/", "the port" },
    };
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        struct tidings_error err = { 0 };
        tidings_status status = http_url_check(str_of(rows[i].url), &err);
        if (status != TIDINGS_E_INVALID || strstr(err.text, rows[i].says) == NULL) {
            fail_msg("%s: %d %s", rows[i].url, status, err.text);
        }
    }
}

static void urls_have_bounds(void **state)
{
    char url[HTTP_URL_MAX + 2] = "http://a/";
    (void)state;
    memset(url + 9, 'x', sizeof url - 9);
    assert_int_equal(http_url_check(str_make(url, HTTP_URL_MAX), NULL), TIDINGS_OK);
    assert_int_equal(http_url_check(str_make(url, HTTP_URL_MAX + 1), NULL), TIDINGS_E_INVALID);
    memset(url + 7, 'x', 70); // a label of more than 63
    url[77] = '/';
    assert_int_equal(http_url_check(str_make(url, 100), NULL), TIDINGS_E_INVALID);
    assert_int_equal(http_url_check(str_make("http://a\0b/", 11), NULL), TIDINGS_E_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(special_addresses_are_blocked), cmocka_unit_test(ranges_can_be_allowed),
        cmocka_unit_test(wrong_ranges_are_named),        cmocka_unit_test(good_urls_are_taken),
        cmocka_unit_test(wrong_urls_are_refused),        cmocka_unit_test(urls_have_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
