// SPDX-License-Identifier: Apache-2.0
// Accounts files; what is read must be in order and must not let a stranger in.
#include <stdlib.h>

#include "acl/accounts.h"
#include "acl/acl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_account(const struct acl *acl, const struct acl_account *account)
{
    size_t key_len = strlen(account->access_key);
    BASE_ASSERT(key_len >= ACL_KEY_MIN && key_len <= ACL_KEY_MAX);
    BASE_ASSERT(acl_find(acl, str_of(account->access_key)) == account);
    BASE_ASSERT(account->default_topic <= ACL_ANY && account->default_group <= ACL_ANY);
    BASE_ASSERT(account->signer != NULL);
    for (size_t i = 0; i < account->grant_count; i++) {
        const struct acl_grant *grant = &account->grants[i];
        BASE_ASSERT(grant->permission <= ACL_ANY && grant->name[0] != '\0');
        BASE_ASSERT(acl_account_grant(account, grant->kind, str_of(grant->name)) == grant);
    }
}

static void check_stranger(const struct acl *acl, const struct acl_account *account)
{
    const struct sign_field fields[] = { { STR("AccessKey"), str_of(account->access_key) },
                                         { STR("Signature"),
                                           STR("AAAAAAAAAAAAAAAAAAAAAAAAAAA=") } };
    const struct acl_want want = { ACL_TOPIC, STR("orders"), ACL_PUB };
    const struct acl_request request = {
        STR("\x01\x02\x03\x04"), fields, 2, STR("body"), &want, 1
    };
    struct acl_verdict verdict;
    acl_check(acl, &request, &verdict);
    bool trusted = acl_patterns_match(&acl->trusted, request.peer) ||
                   acl_patterns_match(&account->trusted, request.peer);
    BASE_ASSERT(verdict.allowed == trusted);
    BASE_ASSERT(verdict.reason == (trusted ? ACL_ALLOWED : ACL_WRONG));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct acl *acl = NULL;
    struct tidings_error err = { 0 };
    tidings_status status = acl_read("acl.yaml", str_make(data, size), &acl, &err);
    if (status != TIDINGS_OK) {
        BASE_ASSERT(acl == NULL && err.text[0] != '\0');
        return 0;
    }
    BASE_ASSERT(acl->account_count + acl->trusted.count > 0);
    for (size_t i = 0; i < acl->account_count; i++) {
        check_account(acl, &acl->accounts[i]);
        check_stranger(acl, &acl->accounts[i]);
    }
    acl_free(acl);
    return 0;
}
