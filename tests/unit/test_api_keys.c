// SPDX-License-Identifier: Apache-2.0
// The keys file: what is taken, what is refused and how it says so, patterns, rates, new keys.
#include <openssl/sha.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "api/api.h"
#include "api/keys.h"
#include "api/limit.h"

#define HASH_A "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" // hello
#define HASH_B "486EA46224D1BB4FB680F34F7C9AD96A8F24EC88BE73EA8E5A6C65260E9CB8A7" // world

static void test_file(void **state)
{
    static const char text[] = "# keys of the shop\n"
                               "\n"
                               "operator\troot  sha256:" HASH_A "   # everything\r\n"
                               "  initiator shop sha256:" HASH_B " sources=shop.*,pay rate=50";
    struct tidings_error err = { 0 };
    struct api_keys *keys = NULL;
    unsigned char hash[32];
    (void)state;
    assert_int_equal(api_keys_parse(str_of(text), "keys", &keys, &err), TIDINGS_OK);
    assert_int_equal(api_keys_count(keys), 2);
    SHA256((const unsigned char *)"hello", 5, hash);
    const struct api_key *key = api_keys_find(keys, hash);
    assert_non_null(key);
    assert_int_equal(key->role, API_OPERATOR);
    assert_string_equal(key->name, "root");
    assert_null(key->sources.ptr);
    SHA256((const unsigned char *)"world", 5, hash);
    key = api_keys_find(keys, hash);
    assert_non_null(key);
    assert_int_equal(key->role, API_INITIATOR);
    assert_true(str_eq_c(key->sources, "shop.*,pay"));
    assert_int_equal(key->rate, 50);
    hash[31] ^= 1;
    assert_null(api_keys_find(keys, hash));
    api_keys_unref(keys);
}

static void test_empty(void **state)
{
    struct tidings_error err = { 0 };
    struct api_keys *keys = NULL;
    unsigned char hash[32] = { 0 };
    (void)state;
    assert_int_equal(api_keys_parse((struct str){ NULL, 0 }, "keys", &keys, &err), TIDINGS_OK);
    assert_int_equal(api_keys_count(keys), 0);
    assert_null(api_keys_find(keys, hash));
    api_keys_unref(keys);
}

static void test_mistakes(void **state)
{
    static const char *const rows[][2] = {
        { "admin a sha256:" HASH_A, "keys:2: a line begins with" },
        { "operator", "keys:2: behind the role" },
        { "operator a/b sha256:" HASH_A, "keys:2: behind the role" },
        { "operator a", "keys:2: behind the name" },
        { "operator a sha256:abc", "keys:2: behind the name" },
        { "operator a md5:" HASH_A, "keys:2: behind the name" },
        { "operator a secret-key-in-the-clear", "keys:2: behind the name" },
        { "operator a sha256:" HASH_A " sources=x", "keys:2: sources= is for" },
        { "operator a sha256:" HASH_A " receivers=x", "keys:2: receivers= is for" },
        { "initiator a sha256:" HASH_A, "keys:2: an initiator wants" },
        { "receiver a sha256:" HASH_A, "keys:2: a receiver wants" },
        { "receiver a sha256:" HASH_A " receivers=", "keys:2: this option wants" },
        { "receiver a sha256:" HASH_A " receivers=x,,y", "keys:2: this option wants" },
        { "receiver a sha256:" HASH_A " receivers=x receivers=y", "keys:2: an option that" },
        { "operator a sha256:" HASH_A " rate=0", "keys:2: rate wants" },
        { "operator a sha256:" HASH_A " rate=5 rate=6", "keys:2: rate wants" },
        { "operator a sha256:" HASH_A " rate=x", "keys:2: rate wants" },
        { "operator a sha256:" HASH_A " colour=red", "keys:2: no such option" },
        { "operator a sha256:" HASH_A "\noperator a sha256:" HASH_B, "keys:3: a name that" },
        { "operator a sha256:" HASH_A "\noperator b sha256:" HASH_A, "keys:3: the key of" },
    };
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        char text[512];
        struct tidings_error err = { 0 };
        struct api_keys *keys = NULL;
        (void)snprintf(text, sizeof text, "# first\n%s\n", rows[i][0]);
        assert_int_equal(api_keys_parse(str_of(text), "keys", &keys, &err), TIDINGS_E_INVALID);
        assert_true(str_starts(str_of(err.text), str_of(rows[i][1])));
        assert_null(strstr(err.text, "in-the-clear"));
        assert_null(keys);
    }
}

static void test_many(void **state)
{
    struct buf text;
    struct tidings_error err = { 0 };
    struct api_keys *keys = NULL;
    (void)state;
    buf_init(&text, API_KEYS_FILE_MAX);
    for (int i = 0; i <= API_KEYS_MAX; i++) {
        assert_int_equal(buf_addf(&text, "operator k%d sha256:%064x\n", i, (unsigned)i + 1),
                         TIDINGS_OK);
    }
    assert_int_equal(api_keys_parse(buf_str(&text), "keys", &keys, &err), TIDINGS_E_INVALID);
    assert_non_null(strstr(err.text, "more than 10000 keys"));
    buf_deinit(&text);
}

static void test_patterns(void **state)
{
    static const struct {
        const char *patterns, *text;
        bool fits;
    } rows[] = {
        { "pay", "pay", true },
        { "pay", "pays", false },
        { "*", "", true },
        { "a*", "a", true },
        { "a*c", "abbc", true },
        { "a*c", "abcb", false },
        { "*a*b*", "xxaxxbxx", true },
        { "*.pay", "shop.pay", true },
        { "x,y", "y", true },
        { "x,y", "x,y", false },
        { "**", "anything", true },
        { "a*b*c", "aXbXbXc", true },
        { "pay", "PAY", false },
        { "*aaaaaaaaab", "aaaaaaaaaaaaaaaaaaaaaaa", false },
    };
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        assert_int_equal(api_patterns_match(str_of(rows[i].patterns), str_of(rows[i].text)),
                         rows[i].fits);
    }
    assert_true(str_eq_c(api_patterns_only(STR("pay")), "pay"));
    assert_null(api_patterns_only(STR("pay,shop")).ptr);
    assert_null(api_patterns_only(STR("pay*")).ptr);
    assert_null(api_patterns_only((struct str){ NULL, 0 }).ptr);
}

static void test_rate(void **state)
{
    int64_t credit = 0;
    int64_t seen = -10000000;
    int taken = 0;
    (void)state;
    for (int i = 0; i < 100; i++) { // ten a second: at once as many as in a second
        taken += api_limit_take(&credit, &seen, 5000000, 100000, 1000000);
    }
    assert_int_equal(taken, 10);
    assert_false(api_limit_take(&credit, &seen, 5099999, 100000, 1000000));
    assert_true(api_limit_take(&credit, &seen, 5100000, 100000, 1000000));
    assert_false(api_limit_take(&credit, &seen, 4000000, 100000, 1000000)); // the clock is behind
    assert_true(api_limit_take(&credit, &seen, INT64_MAX, 100000, 1000000));
}

static void test_peers(void **state)
{
    struct api_peers *peers = calloc(1, sizeof *peers);
    int counted = 0;
    (void)state;
    assert_non_null(peers);
    for (int i = 0; i < 50; i++) {
        counted += api_peers_failed(peers, "192.0.2.7", 1000000);
    }
    assert_int_equal(counted, API_FAILURES_BURST);
    assert_true(api_peers_failed(peers, "192.0.2.8", 1000000)); // another's own account
    assert_true(api_peers_failed(peers, "192.0.2.7", 2000000)); // one more a second later
    assert_false(api_peers_failed(peers, "192.0.2.7", 2000000));
    counted = 0;
    for (int i = 0; i < 50; i++) { // addresses of one IPv6 network are one peer
        char address[64];
        (void)snprintf(address, sizeof address, "2001:db8::%x", (unsigned)i + 1);
        counted += api_peers_failed(peers, address, 2000000);
    }
    assert_int_equal(counted, API_FAILURES_BURST);
    free(peers);
}

static void test_generate(void **state)
{
    static const char *const roles[] = { "operator", "initiator", "receiver" };
    struct buf key;
    struct buf line;
    struct buf last;
    (void)state;
    buf_init(&key, 256);
    buf_init(&line, 1024);
    buf_init(&last, 256);
    for (size_t i = 0; i < BASE_COUNT(roles); i++) {
        struct tidings_error err = { 0 };
        struct api_keys *keys = NULL;
        unsigned char hash[32];
        buf_clear(&key);
        buf_clear(&line);
        assert_int_equal(api_key_generate(roles[i], "merchant-1", &key, &line, &err), TIDINGS_OK);
        assert_false(str_eq(buf_str(&key), buf_str(&last)));
        assert_int_equal(str_find_str(buf_str(&line), buf_str(&key)), SIZE_MAX);
        assert_int_equal(api_keys_parse(buf_str(&line), "keys", &keys, &err), TIDINGS_OK);
        SHA256((const unsigned char *)key.ptr, key.len, hash);
        const struct api_key *found = api_keys_find(keys, hash);
        assert_non_null(found);
        assert_string_equal(api_role_text(found->role), roles[i]);
        api_keys_unref(keys);
        buf_clear(&last);
        assert_int_equal(buf_add_str(&last, buf_str(&key)), TIDINGS_OK);
    }
    struct tidings_error err = { 0 };
    size_t before = line.len;
    assert_int_equal(api_key_generate("king", "a", &key, &line, &err), TIDINGS_E_INVALID);
    assert_int_equal(api_key_generate("operator", "a b", &key, &line, &err), TIDINGS_E_INVALID);
    assert_int_equal(api_key_generate("operator", "", &key, &line, &err), TIDINGS_E_INVALID);
    assert_int_equal(line.len, before);
    buf_deinit(&key);
    buf_deinit(&line);
    buf_deinit(&last);
}

static void test_read(void **state)
{
    char path[] = "/tmp/tidings-keys-XXXXXX";
    int fd = mkstemp(path);
    static const char text[] = "operator a sha256:" HASH_A "\n";
    struct tidings_error err = { 0 };
    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
    assert_int_equal(api_keys_check(path, &err), TIDINGS_OK);
    assert_int_equal(write(fd, "x\n", 2), 2);
    assert_int_equal(api_keys_check(path, &err), TIDINGS_E_INVALID);
    assert_non_null(strstr(err.text, ":2: "));
    close(fd);
    unlink(path);
    assert_int_not_equal(api_keys_check(path, &err), TIDINGS_OK);
    assert_non_null(strstr(err.text, path));
    assert_int_not_equal(api_keys_check("/tmp", &err), TIDINGS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file),     cmocka_unit_test(test_empty),
        cmocka_unit_test(test_mistakes), cmocka_unit_test(test_many),
        cmocka_unit_test(test_patterns), cmocka_unit_test(test_rate),
        cmocka_unit_test(test_peers),    cmocka_unit_test(test_generate),
        cmocka_unit_test(test_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
