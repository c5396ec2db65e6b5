// SPDX-License-Identifier: Apache-2.0
#include "acl/accounts.h"

#include <stdlib.h>

struct acl_shown acl_show(struct str text)
{
    struct acl_shown shown;
    size_t len = text.len < ACL_SHOWN_MAX ? text.len : ACL_SHOWN_MAX;
    for (size_t i = 0; i < len; i++) {
        shown.text[i] = text.ptr[i] >= ' ' && text.ptr[i] <= '~' ? text.ptr[i] : '?';
    }
    memcpy(shown.text + len, text.len > len ? "..." : "", text.len > len ? 4 : 1);
    return shown;
}

static int compare_grants(enum acl_kind kind, struct str name, const struct acl_grant *grant)
{
    return kind != grant->kind ? (int)kind - (int)grant->kind : str_cmp(name, str_of(grant->name));
}

static int by_grant(const void *a, const void *b)
{
    const struct acl_grant *left = a;
    return compare_grants(left->kind, str_of(left->name), b);
}

static int by_key(const void *a, const void *b)
{
    const struct acl_account *left = a;
    const struct acl_account *right = b;
    return str_cmp(str_of(left->access_key), str_of(right->access_key));
}

const struct acl_account *acl_find(const struct acl *acl, struct str access_key)
{
    size_t low = 0;
    for (size_t high = acl->account_count; low < high;) {
        size_t middle = low + (high - low) / 2;
        int order = str_cmp(access_key, str_of(acl->accounts[middle].access_key));
        if (order == 0) {
            return &acl->accounts[middle];
        }
        low = order > 0 ? middle + 1 : low;
        high = order > 0 ? high : middle;
    }
    return NULL;
}

const struct acl_grant *acl_account_grant(const struct acl_account *account, enum acl_kind kind,
                                          struct str name)
{
    size_t low = 0;
    for (size_t high = account->grant_count; low < high;) {
        size_t middle = low + (high - low) / 2;
        int order = compare_grants(kind, name, &account->grants[middle]);
        if (order == 0) {
            return &account->grants[middle];
        }
        low = order > 0 ? middle + 1 : low;
        high = order > 0 ? high : middle;
    }
    return NULL;
}

static void account_deinit(struct acl_account *account)
{
    for (size_t i = 0; i < account->grant_count; i++) {
        free(account->grants[i].name);
    }
    free(account->grants);
    free(account->access_key);
    sign_key_free(account->signer);
    acl_patterns_free(&account->trusted);
}

void acl_free(struct acl *acl)
{
    if (acl == NULL) {
        return;
    }
    for (size_t i = 0; i < acl->account_count; i++) {
        account_deinit(&acl->accounts[i]);
    }
    free(acl->accounts);
    acl_patterns_free(&acl->trusted);
    sign_key_free(acl->nobody);
    free(acl);
}

size_t acl_account_count(const struct acl *acl)
{
    return acl->account_count;
}

bool acl_sort_grants(struct acl_account *account, size_t *ret_twice)
{
    qsort(account->grants, account->grant_count, sizeof *account->grants, by_grant);
    for (size_t i = 1; i < account->grant_count; i++) {
        if (by_grant(&account->grants[i - 1], &account->grants[i]) == 0) {
            *ret_twice = i;
            return false;
        }
    }
    return true;
}

bool acl_sort_accounts(struct acl *acl, size_t *ret_twice)
{
    qsort(acl->accounts, acl->account_count, sizeof *acl->accounts, by_key);
    for (size_t i = 1; i < acl->account_count; i++) {
        if (by_key(&acl->accounts[i - 1], &acl->accounts[i]) == 0) {
            *ret_twice = i;
            return false;
        }
    }
    return true;
}
