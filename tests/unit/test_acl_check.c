// SPDX-License-Identifier: Apache-2.0
// Requests that are allowed, requests that are not, and what their senders are told.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "acl/acl.h"

static const char file[] = "trusted_addresses: [10.9.0.*, 'fd00::/16']\n"
                           "accounts:\n"
                           "  - access_key: billing\n"
                           "    secret_key: sesame-of-billing\n"
                           "    default_topic: SUB\n"
                           "    default_group: DENY\n"
                           "    topics: [orders=PUB, refunds=DENY, both=PUB|SUB]\n"
                           "    groups: [billing-in=SUB, billing-both=SUB|PUB, billing-no=DENY]\n"
                           "  - access_key: silent\n"
                           "    secret_key: sesame-of-silent\n"
                           "  - access_key: operator\n"
                           "    secret_key: sesame-of-operator\n"
                           "    admin: true\n"
                           "  - access_key: half-operator\n"
                           "    secret_key: sesame-of-half\n"
                           "    admin: true\n"
                           "    default_group: SUB\n"
                           "    topics: [orders=PUB]\n"
                           "  - access_key: at-home\n"
                           "    secret_key: sesame-of-home\n"
                           "    trusted_addresses: [192.168.1.7]\n";

static const unsigned char stranger[4] = { 203, 0, 113, 9 };

static int load_file(void **state)
{
    struct acl *acl = NULL;
    tidings_status status = acl_read("acl.yaml", str_of(file), &acl, NULL);
    *state = acl;
    return status == TIDINGS_OK ? 0 : 1;
}

static int free_file(void **state)
{
    acl_free(*state);
    return 0;
}

// Signs fields[0..count) with `secret` into the room behind them.
static void sign(struct sign_field *fields, size_t *count, struct str body, const char *secret,
                 enum sign_form form, char signature[SIGN_TEXT_SIZE])
{
    struct sign_key *signer = NULL;
    assert_int_equal(sign_key_new(str_of(secret), &signer, NULL), TIDINGS_OK);
    assert_int_equal(sign_request(signer, form, fields, *count, body, signature), TIDINGS_OK);
    sign_key_free(signer);
    fields[(*count)++] = (struct sign_field){ STR("Signature"), str_of(signature) };
}

static struct acl_verdict ask(const struct acl *acl, const char *key, const char *secret,
                              const struct acl_want *wants, size_t want_count)
{
    char signature[SIGN_TEXT_SIZE];
    struct sign_field fields[4] = { { STR("topic"), STR("orders") },
                                    { STR("AccessKey"), str_of(key) } };
    size_t count = 2;
    struct acl_verdict verdict;
    sign(fields, &count, STR("body"), secret, SIGN_FORM_WHOLE, signature);
    const struct acl_request request = { str_make(stranger, 4), fields, count,
                                         STR("body"),           wants,  want_count };
    acl_check(acl, &request, &verdict);
    assert_int_equal(verdict.allowed, verdict.reason == ACL_ALLOWED);
    assert_int_equal(verdict.allowed, verdict.text[0] == '\0');
    assert_null(strstr(verdict.text, "sesame"));
    return verdict;
}

static void assert_same_verdict(const struct acl_verdict *a, enum acl_reason reason,
                                const char *text)
{
    assert_string_equal(a->text, text);
    assert_int_equal(a->reason, reason);
}

#define BILLING "billing", "sesame-of-billing"

static void a_signature_is_enough_when_nothing_is_wanted(void **state)
{
    struct acl_verdict verdict = ask(*state, BILLING, NULL, 0);
    assert_true(verdict.allowed);
    assert_true(str_eq(verdict.account, STR("billing")));
}

struct expected {
    struct acl_want want;
    const char *text; // "" when allowed
};

static void check_table(void **state, const char *key, const char *secret,
                        const struct expected *table, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct acl_verdict verdict = ask(*state, key, secret, &table[i].want, 1);
        assert_same_verdict(&verdict, table[i].text[0] == '\0' ? ACL_ALLOWED : ACL_NO_PERMISSION,
                            table[i].text);
        assert_true(str_eq(verdict.account, str_of(key)));
    }
}

static void permissions_of_an_account(void **state)
{
    const struct expected table[] = {
        { { ACL_TOPIC, STR("orders"), ACL_PUB }, "" },
        { { ACL_TOPIC, STR("orders"), ACL_SUB }, "no SUB permission on topic orders" },
        { { ACL_TOPIC, STR("orders"), ACL_ANY }, "" },
        { { ACL_TOPIC, STR("both"), ACL_PUB }, "" },
        { { ACL_TOPIC, STR("both"), ACL_SUB }, "" },
        { { ACL_TOPIC, STR("refunds"), ACL_PUB }, "no PUB permission on topic refunds" },
        { { ACL_TOPIC, STR("refunds"), ACL_SUB }, "no SUB permission on topic refunds" },
        { { ACL_TOPIC, STR("refunds"), ACL_ANY }, "no PUB or SUB permission on topic refunds" },
        // not named: the default
        { { ACL_TOPIC, STR("other"), ACL_SUB }, "" },
        { { ACL_TOPIC, STR("other"), ACL_ANY }, "" },
        { { ACL_TOPIC, STR("other"), ACL_PUB }, "no PUB permission on topic other" },
        { { ACL_TOPIC, STR("order"), ACL_PUB }, "no PUB permission on topic order" },
        { { ACL_TOPIC, STR("orders2"), ACL_PUB }, "no PUB permission on topic orders2" },
        { { ACL_TOPIC, STR(""), ACL_PUB }, "no PUB permission on topic " },
        { { ACL_GROUP, STR("billing-in"), ACL_SUB }, "" },
        { { ACL_GROUP, STR("billing-in"), ACL_PUB }, "no PUB permission on group billing-in" },
        { { ACL_GROUP, STR("billing-both"), ACL_PUB }, "" },
        { { ACL_GROUP, STR("billing-no"), ACL_SUB }, "no SUB permission on group billing-no" },
        { { ACL_GROUP, STR("other"), ACL_SUB }, "no SUB permission on group other" },
        { { ACL_GROUP, STR("orders"), ACL_PUB }, "no PUB permission on group orders" },
        // a retry topic is its group's
        { { ACL_TOPIC, STR("%RETRY%billing-in"), ACL_SUB }, "" },
        { { ACL_TOPIC, STR("%RETRY%other"), ACL_SUB }, "no SUB permission on group other" },
        { { ACL_TOPIC, STR("%DLQ%billing-in"), ACL_SUB }, "" },
        { { ACL_TOPIC, STR("%DLQ%billing-in"), ACL_PUB },
          "no PUB permission on topic %DLQ%billing-in" },
        { { ACL_ADMIN, STR("UPDATE_AND_CREATE_TOPIC"), 0 },
          "UPDATE_AND_CREATE_TOPIC needs an admin account" },
    };
    check_table(state, BILLING, table, BASE_COUNT(table));
}

static void without_defaults_nothing_is_allowed(void **state)
{
    const struct expected table[] = {
        { { ACL_TOPIC, STR("orders"), ACL_PUB }, "no PUB permission on topic orders" },
        { { ACL_TOPIC, STR("orders"), ACL_SUB }, "no SUB permission on topic orders" },
        { { ACL_TOPIC, STR("orders"), ACL_ANY }, "no PUB or SUB permission on topic orders" },
        { { ACL_GROUP, STR("any"), ACL_SUB }, "no SUB permission on group any" },
        // traces may be sent by all, but not read
        { { ACL_TOPIC, STR("RMQ_SYS_TRACE_TOPIC"), ACL_PUB }, "" },
        { { ACL_TOPIC, STR("RMQ_SYS_TRACE_TOPIC"), ACL_SUB },
          "no SUB permission on topic RMQ_SYS_TRACE_TOPIC" },
        { { ACL_TOPIC, STR("RMQ_SYS_TRACE_TOPIC"), ACL_ANY },
          "no PUB or SUB permission on topic RMQ_SYS_TRACE_TOPIC" },
        { { ACL_GROUP, STR("RMQ_SYS_TRACE_TOPIC"), ACL_PUB },
          "no PUB permission on group RMQ_SYS_TRACE_TOPIC" },
        { { ACL_ADMIN, STR("DELETE_TOPIC"), 0 }, "DELETE_TOPIC needs an admin account" },
    };
    check_table(state, "silent", "sesame-of-silent", table, BASE_COUNT(table));
}

static void an_admin_may_do_all(void **state)
{
    const struct expected table[] = {
        { { ACL_TOPIC, STR("orders"), ACL_PUB }, "" },
        { { ACL_GROUP, STR("any"), ACL_SUB }, "" },
        { { ACL_ADMIN, STR("DELETE_TOPIC"), 0 }, "" },
    };
    check_table(state, "operator", "sesame-of-operator", table, BASE_COUNT(table));
}

static void an_admin_who_names_topics_is_held_to_them(void **state)
{
    const struct expected table[] = {
        { { ACL_ADMIN, STR("DELETE_TOPIC"), 0 }, "" },
        { { ACL_TOPIC, STR("orders"), ACL_PUB }, "" },
        { { ACL_TOPIC, STR("orders"), ACL_SUB }, "no SUB permission on topic orders" },
        { { ACL_TOPIC, STR("other"), ACL_PUB }, "no PUB permission on topic other" },
        { { ACL_GROUP, STR("any"), ACL_SUB }, "" },
    };
    check_table(state, "half-operator", "sesame-of-half", table, BASE_COUNT(table));
}

static void all_that_is_wanted_is_needed(void **state)
{
    struct acl_want wants[] = { { ACL_TOPIC, STR("both"), ACL_SUB },
                                { ACL_GROUP, STR("billing-in"), ACL_SUB },
                                { ACL_TOPIC, STR("other"), ACL_SUB } };
    struct acl_verdict verdict = ask(*state, BILLING, wants, 3);
    assert_true(verdict.allowed);
    wants[1].name = STR("billing-no");
    wants[2].permission = ACL_PUB;
    verdict = ask(*state, BILLING, wants, 3);
    assert_same_verdict(&verdict, ACL_NO_PERMISSION, "no SUB permission on group billing-no");
    verdict = ask(*state, BILLING, wants, 1);
    assert_true(verdict.allowed);
    verdict = ask(*state, BILLING, wants + 2, 1);
    assert_same_verdict(&verdict, ACL_NO_PERMISSION, "no PUB permission on topic other");
    // a permission that is none is never there
    wants[0].permission = ACL_DENY;
    verdict = ask(*state, BILLING, wants, 1);
    assert_false(verdict.allowed);
}

// ---- who it is ----

static void an_unknown_key_and_a_wrong_signature_look_alike(void **state)
{
    const struct acl_want want = { ACL_TOPIC, STR("secret-topic"), ACL_PUB };
    static const char *const tries[][2] = {
        { "billing", "sesame-of-silent" }, // another's secret
        { "billing", "sesame-of-billinh" }, { "billing", "" },
        { "Billing", "sesame-of-billing" }, { "billing ", "sesame-of-billing" },
        { "nobody", "sesame-of-billing" },  { "nobody", "nobody knows nobody's secret" },
        { "at-home", "sesame-of-billing" }, // and not at home
    };
    for (size_t i = 0; i < BASE_COUNT(tries); i++) {
        struct acl_verdict verdict = ask(*state, tries[i][0], tries[i][1], &want, 1);
        assert_same_verdict(&verdict, ACL_WRONG, "access key or signature is wrong");
        assert_null(verdict.account.ptr);
    }
}

static struct acl_verdict ask_with(const struct acl *acl, const char *signature)
{
    const struct sign_field fields[] = { { STR("AccessKey"), STR("billing") },
                                         { STR("Signature"), str_of(signature) } };
    const struct acl_request request = {
        str_make(stranger, 4), fields, signature == NULL ? 1 : 2, STR(""), NULL, 0
    };
    struct acl_verdict verdict;
    acl_check(acl, &request, &verdict);
    return verdict;
}

static void signatures_are_compared_whole(void **state)
{
    char right[SIGN_TEXT_SIZE];
    char longer[SIGN_TEXT_SIZE + 1];
    struct sign_field field[2] = { { STR("AccessKey"), STR("billing") } };
    size_t count = 1;
    sign(field, &count, STR(""), "sesame-of-billing", SIGN_FORM_WHOLE, right);
    assert_true(ask_with(*state, right).allowed);
    for (size_t i = 0; i < SIGN_TEXT_SIZE - 1; i++) {
        char wrong[SIGN_TEXT_SIZE];
        memcpy(wrong, right, sizeof wrong);
        wrong[i] = wrong[i] == 'A' ? 'B' : 'A';
        assert_int_equal(ask_with(*state, wrong).reason, ACL_WRONG);
        memcpy(wrong, right, sizeof wrong);
        wrong[i] = '\0';
        assert_int_equal(ask_with(*state, wrong).reason, ACL_WRONG);
    }
    snprintf(longer, sizeof longer, "%sA", right);
    assert_int_equal(ask_with(*state, longer).reason, ACL_WRONG);
    assert_int_equal(ask_with(*state, "").reason, ACL_WRONG);
    assert_int_equal(ask_with(*state, NULL).reason, ACL_WRONG);
    // 28 bytes of which the last is the end of the text
    const struct sign_field fields[] = { field[0], { STR("Signature"), str_make(right, 29) } };
    const struct acl_request request = { str_make(stranger, 4), fields, 2, STR(""), NULL, 0 };
    struct acl_verdict verdict;
    acl_check(*state, &request, &verdict);
    assert_int_equal(verdict.reason, ACL_WRONG);
}

static void every_part_is_signed(void **state)
{
    char signature[SIGN_TEXT_SIZE];
    struct sign_field fields[4] = { { STR("topic"), STR("orders") },
                                    { STR("AccessKey"), STR("billing") },
                                    { STR("SecurityToken"), STR("token") } };
    struct acl_verdict verdict;
    size_t count = 3;
    sign(fields, &count, STR("body"), "sesame-of-billing", SIGN_FORM_WHOLE, signature);
    struct acl_request request = { str_make(stranger, 4), fields, count, STR("body"), NULL, 0 };
    acl_check(*state, &request, &verdict);
    assert_true(verdict.allowed);
    request.body = STR("bodi");
    acl_check(*state, &request, &verdict);
    assert_int_equal(verdict.reason, ACL_WRONG);
    request.body = STR("body");
    for (size_t i = 0; i < 3; i++) {
        struct str before = fields[i].value;
        fields[i].value = i == 1 ? STR("silent") : STR("other");
        acl_check(*state, &request, &verdict);
        assert_int_equal(verdict.reason, ACL_WRONG);
        fields[i].value = before;
    }
    acl_check(*state, &request, &verdict);
    assert_true(verdict.allowed);
}

static void both_forms_of_the_content_are_taken(void **state)
{
    for (int form = SIGN_FORM_WHOLE; form <= SIGN_FORM_NO_UNIQUE; form++) {
        char signature[SIGN_TEXT_SIZE];
        struct sign_field fields[5] = { { STR("key"), STR("AC11000100") },
                                        { STR("_UNIQUE_KEY_QUERY"), STR("true") },
                                        { STR("AccessKey"), STR("billing") } };
        struct acl_verdict verdict;
        size_t count = 3;
        sign(fields, &count, STR(""), "sesame-of-billing", (enum sign_form)form, signature);
        struct acl_request request = { str_make(stranger, 4), fields, count, STR(""), NULL, 0 };
        acl_check(*state, &request, &verdict);
        assert_true(verdict.allowed);
        fields[0].value = STR("AC11000101");
        acl_check(*state, &request, &verdict);
        assert_int_equal(verdict.reason, ACL_WRONG);
    }
}

static void a_request_without_a_key_is_told_so(void **state)
{
    // As clients of C++ do without credentials: an empty key and a signature all the same.
    const struct sign_field empty[] = { { STR("AccessKey"), STR("") },
                                        { STR("OnsChannel"), STR("ALIYUN") },
                                        { STR("Signature"), STR("x") } };
    struct acl_verdict verdict;
    struct acl_request request = { .peer = str_make(stranger, 4) };
    acl_check(*state, &request, &verdict);
    assert_false(verdict.allowed);
    assert_same_verdict(&verdict, ACL_NO_KEY,
                        "the request has no AccessKey; this server asks for one");
    request.fields = empty;
    request.field_count = 3;
    acl_check(*state, &request, &verdict);
    assert_int_equal(verdict.reason, ACL_NO_KEY);
    assert_null(verdict.account.ptr);
}

static void broken_requests_are_refused(void **state)
{
    struct sign_field fields[SIGN_FIELDS_MAX + 1];
    char names[SIGN_FIELDS_MAX + 1][8];
    struct acl_verdict verdict;
    for (size_t i = 0; i <= SIGN_FIELDS_MAX; i++) {
        snprintf(names[i], sizeof names[i], "f%zu", i);
        fields[i] = (struct sign_field){ str_of(names[i]), STR("v") };
    }
    for (int known = 0; known < 2; known++) {
        fields[0] = (struct sign_field){ STR("AccessKey"), known ? STR("billing") : STR("nobody") };
        struct acl_request request = {
            str_make(stranger, 4), fields, SIGN_FIELDS_MAX + 1, STR(""), NULL, 0
        };
        acl_check(*state, &request, &verdict);
        assert_false(verdict.allowed);
        assert_int_equal(verdict.reason, ACL_BAD_REQUEST);
        fields[2] = fields[1];
        request.field_count = 3;
        acl_check(*state, &request, &verdict);
        assert_int_equal(verdict.reason, ACL_BAD_REQUEST);
        assert_null(verdict.account.ptr);
        fields[2].name = str_of(names[2]);
    }
}

// ---- where it comes from ----

static void trusted_addresses_need_nothing(void **state)
{
    static const unsigned char four[4] = { 10, 9, 0, 200 };
    static const unsigned char mapped[16] = { 0, 0, 0,    0,    0,  0, 0, 0,
                                              0, 0, 0xFF, 0xFF, 10, 9, 0, 200 };
    static const unsigned char six[16] = { 0xFD, 0, 7 };
    static const unsigned char near[4] = { 10, 9, 1, 0 };
    const struct acl_want want = { ACL_ADMIN, STR("DELETE_TOPIC"), 0 };
    struct acl_request request = { .wants = &want, .want_count = 1 };
    const struct str peers[] = { str_make(four, 4), str_make(mapped, 16), str_make(six, 16) };
    struct acl_verdict verdict;
    for (size_t i = 0; i < BASE_COUNT(peers); i++) {
        request.peer = peers[i];
        acl_check(*state, &request, &verdict);
        assert_true(verdict.allowed);
        assert_null(verdict.account.ptr);
    }
    const struct str others[] = { str_make(near, 4), { NULL, 0 }, STR("10.9.0.1") };
    for (size_t i = 0; i < BASE_COUNT(others); i++) {
        request.peer = others[i];
        acl_check(*state, &request, &verdict);
        assert_int_equal(verdict.reason, ACL_NO_KEY);
    }
}

static void an_account_may_trust_addresses(void **state)
{
    static const unsigned char home[4] = { 192, 168, 1, 7 };
    const struct acl_want want = { ACL_TOPIC, STR("orders"), ACL_PUB };
    struct sign_field fields[] = { { STR("AccessKey"), STR("at-home") } };
    struct acl_request request = { str_make(home, 4), fields, 1, STR(""), &want, 1 };
    struct acl_verdict verdict;
    acl_check(*state, &request, &verdict);
    assert_true(verdict.allowed); // neither signature nor permission is looked at
    assert_true(str_eq(verdict.account, STR("at-home")));
    request.peer = str_make(stranger, 4);
    acl_check(*state, &request, &verdict);
    assert_int_equal(verdict.reason, ACL_WRONG);
    request.peer = str_make(home, 4);
    fields[0].value = STR("billing"); // who does not trust it
    acl_check(*state, &request, &verdict);
    assert_int_equal(verdict.reason, ACL_WRONG);
    verdict = ask(*state, "at-home", "sesame-of-home", &want, 1);
    assert_same_verdict(&verdict, ACL_NO_PERMISSION, "no PUB permission on topic orders");
}

static void texts_are_short_and_printable(void **state)
{
    char name[300];
    memset(name, 't', sizeof name);
    memcpy(name, "a\r\n\x1b\"\xc3\xa9", 7);
    const struct acl_want want = { ACL_TOPIC, str_make(name, sizeof name), ACL_PUB };
    struct acl_verdict verdict = ask(*state, BILLING, &want, 1);
    assert_int_equal(verdict.reason, ACL_NO_PERMISSION);
    assert_true(strlen(verdict.text) < 120);
    for (const char *c = verdict.text; *c != '\0'; c++) {
        assert_in_range((unsigned char)*c, ' ', '~');
    }
    assert_non_null(strstr(verdict.text, "topic a???\"??ttt"));
    assert_non_null(strstr(verdict.text, "tt..."));
}

static void an_open_file_asks_for_nothing(void **state)
{
    (void)state;
    struct acl *acl = NULL;
    struct acl_verdict verdict;
    const struct acl_request request = { .peer = { NULL, 0 } };
    assert_int_equal(acl_read("acl.yaml", STR("trusted_addresses: ['*']\n"), &acl, NULL),
                     TIDINGS_OK);
    acl_check(acl, &request, &verdict);
    assert_true(verdict.allowed);
    acl_free(acl);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signature_is_enough_when_nothing_is_wanted),
        cmocka_unit_test(permissions_of_an_account),
        cmocka_unit_test(without_defaults_nothing_is_allowed),
        cmocka_unit_test(an_admin_may_do_all),
        cmocka_unit_test(an_admin_who_names_topics_is_held_to_them),
        cmocka_unit_test(all_that_is_wanted_is_needed),
        cmocka_unit_test(an_unknown_key_and_a_wrong_signature_look_alike),
        cmocka_unit_test(signatures_are_compared_whole),
        cmocka_unit_test(every_part_is_signed),
        cmocka_unit_test(both_forms_of_the_content_are_taken),
        cmocka_unit_test(a_request_without_a_key_is_told_so),
        cmocka_unit_test(broken_requests_are_refused),
        cmocka_unit_test(trusted_addresses_need_nothing),
        cmocka_unit_test(an_account_may_trust_addresses),
        cmocka_unit_test(texts_are_short_and_printable),
        cmocka_unit_test(an_open_file_asks_for_nothing),
    };
    return cmocka_run_group_tests(tests, load_file, free_file);
}
