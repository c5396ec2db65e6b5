// SPDX-License-Identifier: Apache-2.0
// Accounts files, good and bad.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "acl/accounts.h"
#include "acl/acl.h"

static struct acl *good(const char *text)
{
    struct acl *acl = NULL;
    struct tidings_error err = { 0 };
    tidings_status status = acl_read("acl.yaml", str_of(text), &acl, &err);
    if (status != TIDINGS_OK) {
        fail_msg("%s\n%s", err.text, text);
    }
    return acl;
}

// The same accounts with RocketMQ's names, in its usual layout, and with ours.
static const char rocketmq_file[] = "# accounts of the test\n"
                                    "\n"
                                    "globalWhiteRemoteAddresses:\n"
                                    "  - 10.20.30.*\n"
                                    "  - 172.16.5.*\n"
                                    "\n"
                                    "accounts:\n"
                                    "  - accessKey: billing\n"
                                    "    secretKey: 20240101\n"
                                    "    whiteRemoteAddress:\n"
                                    "    admin: false\n"
                                    "    defaultTopicPerm: DENY\n"
                                    "    defaultGroupPerm: SUB\n"
                                    "    topicPerms:\n"
                                    "      - refunds=DENY\n"
                                    "      - orders=PUB|SUB\n"
                                    "      - notes=SUB\n"
                                    "    groupPerms:\n"
                                    "      # a comment in a list\n"
                                    "      - g-refunds=DENY\n"
                                    "      - g-orders=PUB|SUB\n"
                                    "      - g-notes=SUB\n"
                                    "\n"
                                    "  - accessKey: operator\n"
                                    "    secretKey: 20240101\n"
                                    "    whiteRemoteAddress: 172.16.6.*\n"
                                    "    # an admin\n"
                                    "    admin: true\n";
static const char own_file[] = "trusted_addresses: [10.20.30.*, 172.16.5.*]\n"
                               "accounts:\n"
                               "  - access_key: billing\n"
                               "    secret_key: '20240101'\n"
                               "    default_group: SUB\n"
                               "    topics: [refunds=DENY, orders=PUB|SUB, notes=SUB]\n"
                               "    groups: [g-refunds=DENY, g-orders=SUB|PUB, g-notes=SUB]\n"
                               "  - access_key: operator\n"
                               "    secret_key: '20240101'\n"
                               "    trusted_addresses: [172.16.6.*]\n"
                               "    admin: yes\n";

static unsigned granted(const struct acl_account *account, enum acl_kind kind, const char *name)
{
    const struct acl_grant *grant = acl_account_grant(account, kind, str_of(name));
    return grant == NULL ? 99 : grant->permission;
}

static void check_both(const char *text)
{
    struct acl *acl = good(text);
    assert_int_equal(acl_account_count(acl), 2);
    assert_int_equal(acl->trusted.count, 2);
    const struct acl_account *one = acl_find(acl, STR("billing"));
    const struct acl_account *two = acl_find(acl, STR("operator"));
    assert_non_null(one);
    assert_non_null(two);
    assert_null(acl_find(acl, STR("Billing")));
    assert_false(one->admin);
    assert_int_equal(one->default_topic, ACL_DENY);
    assert_int_equal(one->default_group, ACL_SUB);
    assert_int_equal(one->trusted.count, 0);
    assert_int_equal(granted(one, ACL_TOPIC, "refunds"), ACL_DENY);
    assert_int_equal(granted(one, ACL_TOPIC, "orders"), ACL_PUB | ACL_SUB);
    assert_int_equal(granted(one, ACL_TOPIC, "notes"), ACL_SUB);
    assert_int_equal(granted(one, ACL_TOPIC, "g-refunds"), 99);
    assert_int_equal(granted(one, ACL_GROUP, "g-refunds"), ACL_DENY);
    assert_int_equal(granted(one, ACL_GROUP, "g-orders"), ACL_PUB | ACL_SUB);
    assert_int_equal(granted(one, ACL_GROUP, "g-notes"), ACL_SUB);
    assert_true(two->admin);
    assert_int_equal(two->grant_count, 0);
    assert_int_equal(two->default_group, ACL_DENY);
    assert_int_equal(two->trusted.count, 1);
    acl_free(acl);
}

static void both_spellings_say_the_same(void **state)
{
    (void)state;
    check_both(rocketmq_file);
    check_both(own_file);
}

#define ACCOUNT "accounts:\n  - accessKey: RocketMQ\n    secretKey: sesame00\n"

static void small_things_are_taken(void **state)
{
    (void)state;
    static const char *const texts[] = {
        ACCOUNT,
        "--- # a document\n" ACCOUNT "...\n# behind it\n",
        "%YAML 1.1\n---\n" ACCOUNT,
        "\xef\xbb\xbf" ACCOUNT, // a byte order mark
        "trusted_addresses: ['*']\n",
        "accounts:\n"
        "globalWhiteRemoteAddresses: ['*']\n",
        ACCOUNT "    topicPerms:\n    groupPerms: []\n    admin:\n    defaultTopicPerm:\n",
        ACCOUNT "    topicPerms: [' t = PUB ', '%RETRY%g=SUB', 't|2-_%=DENY']\n",
        ACCOUNT "    topicPerms: [a=PUB]\n    groups: [a=SUB]\n",
        ACCOUNT "    whiteRemoteAddress: ' '\n",
        ACCOUNT "    whiteRemoteAddress: 10.0.0.1,10.0.0.2\n",
        ACCOUNT "dataVersion:\n  - counter: 3\n    timestamp: 1700000000000\n",
        "{accounts: [{accessKey: RocketMQ, secret_key: sesame00, admin: OFF}]}",
        "accounts:\r\n  - accessKey: RocketMQ\r\n    secretKey: sesame00\r\n",
        "accounts:\n  - {accessKey: '123456', secretKey: '123456'}\n",
    };
    for (size_t i = 0; i < BASE_COUNT(texts); i++) {
        acl_free(good(texts[i]));
    }
    acl_free(NULL);
    struct acl *acl = good(ACCOUNT "    topicPerms: ['%RETRY%g=SUB']\n");
    assert_int_equal(granted(&acl->accounts[0], ACL_GROUP, "g"), ACL_SUB);
    acl_free(acl);
}

// Every text of the file that must not come back is "sesame00".
struct bad {
    const char *text;
    const char *said; // all of the error
};
static const struct bad bad_files[] = {
    // form
    { "", "acl.yaml: accounts: there are none, and no trusted addresses: with this file nobody "
          "would be served" },
    { "# nothing\n", "acl.yaml: accounts: there are none, and no trusted addresses: with this "
                     "file nobody would be served" },
    { "accounts: []\n", "acl.yaml: accounts: there are none, and no trusted addresses: with this "
                        "file nobody would be served" },
    { ACCOUNT "    sekret: x\n",
      "acl.yaml line 4: unknown key; an account has access_key, secret_key, admin, topics, "
      "groups, default_topic, default_group, trusted_addresses" },
    { ACCOUNT "    AccessKey: x\n",
      "acl.yaml line 4: unknown key; an account has access_key, secret_key, admin, topics, "
      "groups, default_topic, default_group, trusted_addresses" },
    { "accounts:\n  - sesame00: RocketMQ\n",
      "acl.yaml line 2: unknown key; an account has access_key, secret_key, admin, topics, "
      "groups, default_topic, default_group, trusted_addresses" },
    { ACCOUNT "account:\n",
      "acl.yaml line 4: unknown key; right are accounts and trusted_addresses" },
    { "sesame00: x\n", "acl.yaml line 1: unknown key; right are accounts and trusted_addresses" },
    { ACCOUNT "    admin: true\n    secretKey: sesame00\n",
      "acl.yaml line 5: this key comes twice" },
    { ACCOUNT "accounts: []\n", "acl.yaml line 4: this key comes twice" },
    { "{accounts: [{accessKey: a, accessKey: sesame00}]}\n",
      "acl.yaml line 1: this key comes twice" },
    { "sesame00\n", "acl.yaml: keys with values are expected here" },
    { "- sesame00\n", "acl.yaml: keys with values are expected here" },
    { "accounts: sesame00\n", "acl.yaml line 1: a list is expected here" },
    { "accounts:\n  - sesame00\n", "acl.yaml line 2: keys with values are expected here" },
    { "accounts:\n  accessKey: sesame00\n", "acl.yaml line 2: a list is expected here" },
    { "accounts:\n  - accessKey: [sesame00]\n",
      "acl.yaml line 2: a single value is expected here" },
    { ACCOUNT "    topicPerms: a=PUB\n", "acl.yaml line 4: a list is expected here" },
    { ACCOUNT "    topicPerms:\n      a: PUB\n", "acl.yaml line 5: a list is expected here" },
    { ACCOUNT "    topicPerms: [[a=PUB]]\n", "acl.yaml line 4: a single value is expected here" },
    { "accounts:\n  - accessKey: &a sesame00\n    secretKey: *a\n",
      "acl.yaml line 3: YAML alias unsupported" },
    { "accounts:\n  - accessKey: RocketMQ\n   secretKey: sesame00\n",
      "acl.yaml line 2: did not find expected '-' indicator" },
    { "accounts: [\n", "acl.yaml line 1: did not find expected node content" },
    { "accounts:\t- x\n",
      "acl.yaml line 1: block sequence entries are not allowed in this context" },
    { "a: \xff\n", "acl.yaml: invalid leading UTF-8 octet" },
    { ACCOUNT "---\naccounts: []\n",
      "acl.yaml line 4: a second document begins; put all into one" },
    { ACCOUNT "...\naccounts: []\n",
      "acl.yaml line 5: a second document begins; put all into one" },
    // keys and secrets
    { "accounts:\n  - secretKey: sesame00\n",
      "acl.yaml: account 1: access_key or accessKey: is missing" },
    { "accounts:\n  - accessKey:\n    secretKey: sesame00\n",
      "acl.yaml: account 1: access_key or accessKey: is missing" },
    { "accounts:\n  - accessKey: ''\n    secretKey: sesame00\n",
      "acl.yaml: account 1: access_key or accessKey: is missing" },
    { "accounts:\n  - accessKey: short\n    secretKey: sesame00\n",
      "acl.yaml: account 1: accessKey: has 5 bytes; right are 6 to 255" },
    { "accounts:\n  - accessKey: RocketMQ\n",
      "acl.yaml: account 1 (RocketMQ): secret_key or secretKey: is missing" },
    { "accounts:\n  - accessKey: RocketMQ\n    secretKey: ''\n",
      "acl.yaml: account 1 (RocketMQ): secret_key or secretKey: is missing" },
    { "accounts:\n  - accessKey: RocketMQ\n    secret_key: ses00\n",
      "acl.yaml: account 1 (RocketMQ): secret_key: has 5 bytes; right are 6 to 255" },
    { ACCOUNT "    secret_key: sesame00\n",
      "acl.yaml: account 1 (RocketMQ): secretKey: says the same as secret_key; give one of "
      "them" },
    { ACCOUNT "    access_key: RocketMQ\n",
      "acl.yaml: account 1: accessKey: says the same as access_key; give one of them" },
    { ACCOUNT "  - accessKey: another\n    secretKey: sesame00\n"
              "  - accessKey: RocketMQ\n    secretKey: sesame00\n",
      "acl.yaml: accounts: access key RocketMQ comes twice" },
    // permissions
    { ACCOUNT "    admin: sometimes\n",
      "acl.yaml: account 1 (RocketMQ): admin: must be true or false, and not \"sometimes\"" },
    { ACCOUNT "    defaultTopicPerm: ANY\n",
      "acl.yaml: account 1 (RocketMQ): defaultTopicPerm: \"ANY\" is no permission; right are "
      "DENY, PUB, SUB and PUB|SUB" },
    { ACCOUNT "    default_group: pub\n",
      "acl.yaml: account 1 (RocketMQ): default_group: \"pub\" is no permission; right are DENY, "
      "PUB, SUB and PUB|SUB" },
    { ACCOUNT "    default_topic: PUB\n    defaultTopicPerm: PUB\n",
      "acl.yaml: account 1 (RocketMQ): defaultTopicPerm: says the same as default_topic; give "
      "one of them" },
    { ACCOUNT "    topicPerms: [orders]\n",
      "acl.yaml: account 1 (RocketMQ): topicPerms: \"orders\" is not NAME=PERMISSION with one "
      "of DENY, PUB, SUB, PUB|SUB" },
    { ACCOUNT "    topics: [orders=]\n",
      "acl.yaml: account 1 (RocketMQ): topics: \"orders=\" is not NAME=PERMISSION with one of "
      "DENY, PUB, SUB, PUB|SUB" },
    { ACCOUNT "    groups: [a=PUB, =SUB]\n",
      "acl.yaml: account 1 (RocketMQ): groups: \"=SUB\" is not NAME=PERMISSION with one of DENY, "
      "PUB, SUB, PUB|SUB" },
    { ACCOUNT "    groupPerms: [a=PUB=SUB]\n",
      "acl.yaml: account 1 (RocketMQ): groupPerms: \"a=PUB=SUB\" is not NAME=PERMISSION with one "
      "of DENY, PUB, SUB, PUB|SUB" },
    { ACCOUNT "    topics: [a b=PUB]\n",
      "acl.yaml: account 1 (RocketMQ): topics: \"a b=PUB\" is not NAME=PERMISSION with one of "
      "DENY, PUB, SUB, PUB|SUB" },
    { ACCOUNT "    topics: ['*=PUB']\n",
      "acl.yaml: account 1 (RocketMQ): topics: \"*=PUB\" is not NAME=PERMISSION with one of "
      "DENY, PUB, SUB, PUB|SUB" },
    { ACCOUNT "    groups: ['%RETRY%g=SUB']\n",
      "acl.yaml: account 1 (RocketMQ): groups: \"%RETRY%g=SUB\" must be the group's name without "
      "%RETRY%" },
    { ACCOUNT "    topics: ['%RETRY%=SUB']\n",
      "acl.yaml: account 1 (RocketMQ): topics: \"%RETRY%=SUB\" is not NAME=PERMISSION with one "
      "of DENY, PUB, SUB, PUB|SUB" },
    { ACCOUNT "    topics: [a=PUB, b=PUB, a=SUB]\n",
      "acl.yaml: account 1 (RocketMQ): topics: \"a\" comes twice" },
    { ACCOUNT "    topics: ['%RETRY%g=SUB']\n    groups: [g=SUB]\n",
      "acl.yaml: account 1 (RocketMQ): groups: \"g\" comes twice" },
    { ACCOUNT "    topics: [a=PUB]\n    topicPerms: [b=PUB]\n",
      "acl.yaml: account 1 (RocketMQ): topicPerms: says the same as topics; give one of them" },
    { ACCOUNT "  - accessKey: another\n    secretKey: sesame00\n    groups: [a]\n",
      "acl.yaml: account 2 (another): groups: \"a\" is not NAME=PERMISSION with one of DENY, PUB, "
      "SUB, PUB|SUB" },
    // addresses
    { ACCOUNT "    whiteRemoteAddress: 10.0.0.256\n",
      "acl.yaml: account 1 (RocketMQ): whiteRemoteAddress: address \"10.0.0.256\" is neither an "
      "address nor a pattern of one; right are 10.0.0.1, 10.0.0.*, 10.0.0.1-20, 10.0.0.{1,2}, "
      "10.0.0.0/8, ::1, *" },
    { ACCOUNT "    trusted_addresses: [10.0.0.1]\n    whiteRemoteAddress: 10.0.0.2\n",
      "acl.yaml: account 1 (RocketMQ): whiteRemoteAddress: says the same as trusted_addresses; "
      "give one of them" },
    { "globalWhiteRemoteAddresses: [10.0.0.1, localhost]\n",
      "acl.yaml: globalWhiteRemoteAddresses: address \"localhost\" is neither an address nor a "
      "pattern of one; right are 10.0.0.1, 10.0.0.*, 10.0.0.1-20, 10.0.0.{1,2}, 10.0.0.0/8, ::1, "
      "*" },
    { "trusted_addresses: ['']\n",
      "acl.yaml: trusted_addresses: address \"\" is blank, or has nothing between two commas; "
      "right are 10.0.0.1, 10.0.0.*, 10.0.0.1-20, 10.0.0.{1,2}, 10.0.0.0/8, ::1, *" },
    { "trusted_addresses: ['*']\nglobalWhiteRemoteAddresses: ['*']\n",
      "acl.yaml: globalWhiteRemoteAddresses: says the same as trusted_addresses; give one of "
      "them" },
};

static void bad_files_are_refused_with_their_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(bad_files); i++) {
        struct acl *acl = (struct acl *)(void *)&acl;
        struct tidings_error err = { 0 };
        tidings_status status = acl_read("acl.yaml", str_of(bad_files[i].text), &acl, &err);
        if (status != TIDINGS_E_INVALID || strcmp(err.text, bad_files[i].said) != 0) {
            fail_msg("%s\n--> %s", bad_files[i].text, err.text);
        }
        assert_null(acl);
        assert_null(strstr(err.text, "sesame"));
        // nobody asks for the reason
        assert_int_equal(acl_read("acl.yaml", str_of(bad_files[i].text), &acl, NULL),
                         TIDINGS_E_INVALID);
    }
}

// Wherever a secret stands by mistake, and whatever is wrong, it does not come back.
static void secrets_are_never_in_errors(void **state)
{
    (void)state;
    static const char *const shapes[] = {
        "accounts:\n  - accessKey: RocketMQ\n    secretKey: %s\n    secretKey: %s\n",
        "accounts:\n  - accessKey: RocketMQ\n    %s: secretKey\n",
        "accounts:\n  - accessKey: RocketMQ\n    secretKey: %s: %s\n",
        "accounts:\n  - accessKey: RocketMQ\n    secretKey: [%s]\n",
        "accounts:\n  - accessKey: RocketMQ\n    secretKey: {%s: %s}\n",
        "accounts:\n  - accessKey: RocketMQ\n    secretKey: !%s x\n",
        "accounts:\n  - accessKey: RocketMQ\n    secretKey: *%s\n",
        "accounts:\n  - accessKey: RocketMQ\n    secretKey: \"%s\n",
        "accounts:\n  - accessKey: RocketMQ\n    secretKey: \"%s\\q\"\n",
        "accounts:\n  - accessKey: RocketMQ\n  secretKey: %s\n",
        "accounts:\n  - accessKey: RocketMQ\n    secretKey: %s\n    admin: maybe\n",
        "accounts:\n  - accessKey: RocketMQ\n    secretKey: %s\n  - %s\n",
        "accounts:\n  - accessKey: no\n    secretKey: %s\n",
        "accounts: %s\n",
        "secretKey: %s\n",
        "%s",
        "%%%s\n---\n",
    };
    char secret[300];
    char text[1000];
    memset(secret, 's', sizeof secret);
    for (size_t len = 8; len < sizeof secret; len += 252) {
        memcpy(secret, "sesame00", 8);
        for (size_t i = 0; i < BASE_COUNT(shapes); i++) {
            struct acl *acl = NULL;
            struct tidings_error err = { 0 };
            int n = 0;
            const char *at = shapes[i];
            for (; *at != '\0'; at++) {
                if (at[0] == '%' && at[1] == 's') {
                    n += snprintf(text + n, sizeof text - (size_t)n, "%.*s", (int)len, secret);
                    at++;
                } else if (at[0] == '%' && at[1] == '%') {
                    text[n++] = '%';
                    at++;
                } else {
                    text[n++] = *at;
                }
            }
            assert_int_equal(acl_read("acl.yaml", str_make(text, (size_t)n), &acl, &err),
                             TIDINGS_E_INVALID);
            if (err.text[0] == '\0' || strstr(err.text, "sesame") != NULL ||
                strstr(err.text, "ssss") != NULL) {
                fail_msg("%s", err.text);
            }
        }
    }
}

static void many_accounts_are_found(void **state)
{
    (void)state;
    struct buf text;
    struct acl *acl = NULL;
    struct tidings_error err = { 0 };
    buf_init(&text, ACL_FILE_MAX_BYTES);
    assert_int_equal(buf_addf(&text, "accounts:\n"), TIDINGS_OK);
    for (unsigned i = 0; i < ACL_ACCOUNTS_MAX; i++) {
        assert_int_equal(buf_addf(&text, "  - {accessKey: account-%u, secretKey: sesame%u}\n",
                                  i * 7919 % ACL_ACCOUNTS_MAX, i),
                         TIDINGS_OK);
    }
    assert_int_equal(acl_read("acl.yaml", buf_str(&text), &acl, &err), TIDINGS_OK);
    assert_int_equal(acl_account_count(acl), ACL_ACCOUNTS_MAX);
    for (unsigned i = 0; i < ACL_ACCOUNTS_MAX; i++) {
        char key[32];
        snprintf(key, sizeof key, "account-%u", i);
        const struct acl_account *account = acl_find(acl, str_of(key));
        assert_non_null(account);
        assert_string_equal(account->access_key, key);
    }
    acl_free(acl);
    assert_int_equal(buf_addf(&text, "  - {accessKey: one-more, secretKey: sesame00}\n"),
                     TIDINGS_OK);
    assert_int_equal(acl_read("acl.yaml", buf_str(&text), &acl, &err), TIDINGS_E_INVALID);
    assert_non_null(strstr(err.text, "too many entries in a list"));
    buf_deinit(&text);
}

static void limits_of_one_account_hold(void **state)
{
    (void)state;
    struct buf text;
    struct acl *acl = NULL;
    struct tidings_error err = { 0 };
    buf_init(&text, ACL_FILE_MAX_BYTES);
    for (int more = 0; more < 2; more++) {
        buf_clear(&text);
        assert_int_equal(buf_addf(&text, "%s    topics:\n", ACCOUNT), TIDINGS_OK);
        for (int i = 0; i < ACL_GRANTS_MAX + more; i++) {
            assert_int_equal(buf_addf(&text, "      - t%d=PUB\n", i), TIDINGS_OK);
        }
        assert_int_equal(acl_read("acl.yaml", buf_str(&text), &acl, &err),
                         more == 0 ? TIDINGS_OK : TIDINGS_E_INVALID);
        acl_free(acl);
    }
    assert_string_equal(err.text,
                        "acl.yaml: account 1 (RocketMQ): topics: more than 4096 topics and groups");
    buf_clear(&text);
    assert_int_equal(buf_addf(&text, "trusted_addresses:\n"), TIDINGS_OK);
    for (int i = 0; i <= ACL_ADDRESSES_MAX; i++) {
        assert_int_equal(buf_addf(&text, "  - 10.0.0.1\n"), TIDINGS_OK);
    }
    assert_int_equal(acl_read("acl.yaml", buf_str(&text), &acl, &err), TIDINGS_E_INVALID);
    assert_string_equal(err.text,
                        "acl.yaml: trusted_addresses: more than 1024 addresses in one list");
    buf_deinit(&text);
}

// ---- files ----

static void write_file(const char *path, struct str text)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(text.ptr, 1, text.len, file), text.len);
    assert_int_equal(fclose(file), 0);
}

static void files_are_read_from_a_path(void **state)
{
    (void)state;
    char folder[] = "/tmp/test_acl_XXXXXX";
    char path[300];
    struct acl *acl = NULL;
    struct tidings_error err = { 0 };
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/acl.yaml", folder);

    assert_int_equal(acl_load(path, &acl, &err), TIDINGS_E_NOT_FOUND);
    assert_non_null(strstr(err.text, path));
    assert_int_equal(acl_load(folder, &acl, &err), TIDINGS_E_INVALID);
    assert_non_null(strstr(err.text, "is not a regular file"));

    write_file(path, str_of(rocketmq_file));
    assert_int_equal(acl_load(path, &acl, &err), TIDINGS_OK);
    assert_int_equal(acl_account_count(acl), 2);

    // A reload that fails leaves what is there alone.
    struct acl *next = NULL;
    write_file(path, STR("accounts:\n  - sekret: x\n"));
    assert_int_equal(acl_load(path, &next, &err), TIDINGS_E_INVALID);
    assert_null(next);
    assert_non_null(strstr(err.text, "/acl.yaml line 2: unknown key"));
    assert_int_equal(acl_account_count(acl), 2);
    acl_free(acl);

    write_file(path, STR(""));
    assert_int_equal(acl_load(path, &acl, &err), TIDINGS_E_INVALID);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

static void files_have_a_maximum(void **state)
{
    (void)state;
    char folder[] = "/tmp/test_acl_XXXXXX";
    char path[300];
    struct acl *acl = NULL;
    struct tidings_error err = { 0 };
    char *big = malloc(ACL_FILE_MAX_BYTES + 1);
    assert_non_null(big);
    memset(big, '#', ACL_FILE_MAX_BYTES + 1);
    memcpy(big, "trusted_addresses: ['*'] ", 25);
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/acl.yaml", folder);
    write_file(path, str_make(big, ACL_FILE_MAX_BYTES));
    assert_int_equal(acl_load(path, &acl, &err), TIDINGS_OK);
    acl_free(acl);
    write_file(path, str_make(big, ACL_FILE_MAX_BYTES + 1));
    assert_int_equal(acl_load(path, &acl, &err), TIDINGS_E_TOO_LARGE);
    assert_null(acl);
    assert_int_equal(acl_read("acl.yaml", str_make(big, ACL_FILE_MAX_BYTES + 1), &acl, &err),
                     TIDINGS_E_TOO_LARGE);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
    free(big);
}

static void long_paths_leave_room_for_the_reason(void **state)
{
    (void)state;
    char path[600];
    struct acl *acl = NULL;
    struct tidings_error err = { 0 };
    memset(path, 'd', sizeof path);
    memcpy(path + sizeof path - 10, "/acl.yaml", 10);
    assert_int_equal(acl_read(path, STR(ACCOUNT "    defaultTopicPerm: ANY\n"), &acl, &err),
                     TIDINGS_E_INVALID);
    assert_non_null(strstr(err.text, "/acl.yaml: account 1 (RocketMQ)"));
    assert_non_null(strstr(err.text, "right are DENY, PUB, SUB and PUB|SUB"));
    assert_memory_equal(err.text, "...ddd", 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_spellings_say_the_same),
        cmocka_unit_test(small_things_are_taken),
        cmocka_unit_test(bad_files_are_refused_with_their_reason),
        cmocka_unit_test(secrets_are_never_in_errors),
        cmocka_unit_test(many_accounts_are_found),
        cmocka_unit_test(limits_of_one_account_hold),
        cmocka_unit_test(files_are_read_from_a_path),
        cmocka_unit_test(files_have_a_maximum),
        cmocka_unit_test(long_paths_leave_room_for_the_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
