// SPDX-License-Identifier: Apache-2.0
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>

#include "acl/accounts.h"

static void refuse(struct acl_verdict *verdict, enum acl_reason reason, const char *format, ...)
    BASE_PRINTF(3, 4);

static void refuse(struct acl_verdict *verdict, enum acl_reason reason, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(verdict->text, sizeof verdict->text, format, args);
    va_end(args);
    if (n < 0) {
        verdict->text[0] = '\0';
    }
    verdict->allowed = false;
    verdict->reason = reason;
}

static struct str get_field(const struct acl_request *request, struct str name)
{
    for (size_t i = 0; i < request->field_count; i++) {
        if (str_eq(request->fields[i].name, name)) {
            return request->fields[i].value;
        }
    }
    return (struct str){ NULL, 0 };
}

// Both forms are computed whether or not the first one fits, and compared whole.
static tidings_status check_signature(const struct sign_key *signer,
                                      const struct acl_request *request, bool *ret_right)
{
    char given[SIGN_TEXT_SIZE];
    char computed[SIGN_TEXT_SIZE] = { 0 };
    bool two_forms = get_field(request, STR("_UNIQUE_KEY_QUERY")).ptr != NULL;
    int right = 0;
    if (!str_copy(given, sizeof given, get_field(request, STR("Signature")))) {
        given[0] = '\0';
    }
    bool whole = strlen(given) == SIGN_TEXT_SIZE - 1;
    for (int form = SIGN_FORM_WHOLE; form <= (two_forms ? SIGN_FORM_NO_UNIQUE : SIGN_FORM_WHOLE);
         form++) {
        tidings_status status = sign_request(signer, (enum sign_form)form, request->fields,
                                             request->field_count, request->body, computed);
        if (status != TIDINGS_OK) {
            return status;
        }
        right |= CRYPTO_memcmp(given, computed, SIGN_TEXT_SIZE) == 0;
    }
    OPENSSL_cleanse(computed, sizeof computed);
    *ret_right = whole && right != 0;
    return TIDINGS_OK;
}

static const char *permission_text(unsigned permission)
{
    return permission == ACL_PUB ? "PUB" : permission == ACL_SUB ? "SUB" : "PUB or SUB";
}

static bool check_want(const struct acl_account *account, const struct acl_want *want,
                       struct acl_verdict *verdict)
{
    enum acl_kind kind = want->kind;
    struct str name = want->name;
    if (kind == ACL_ADMIN) {
        if (!account->admin) {
            refuse(verdict, ACL_NO_PERMISSION, "%s needs an admin account", acl_show(name).text);
        }
        return account->admin;
    }
    if (account->admin && account->grant_count == 0) {
        return true;
    }
    if (kind == ACL_TOPIC && want->permission == ACL_PUB &&
        str_eq(name, STR("RMQ_SYS_TRACE_TOPIC"))) {
        return true;
    }
    if (kind == ACL_TOPIC && str_starts(name, STR(ACL_RETRY_PREFIX))) {
        kind = ACL_GROUP;
        name = str_make(name.ptr + strlen(ACL_RETRY_PREFIX), name.len - strlen(ACL_RETRY_PREFIX));
    }
    const struct acl_grant *grant = acl_account_grant(account, kind, name);
    unsigned has = grant != NULL       ? grant->permission
                   : kind == ACL_TOPIC ? account->default_topic
                                       : account->default_group;
    if ((has & want->permission) != 0) {
        return true;
    }
    refuse(verdict, ACL_NO_PERMISSION, "no %s permission on %s %s",
           permission_text(want->permission), kind == ACL_TOPIC ? "topic" : "group",
           acl_show(name).text);
    return false;
}

static void check_wants(const struct acl_account *account, const struct acl_request *request,
                        struct acl_verdict *verdict)
{
    for (size_t i = 0; i < request->want_count; i++) {
        if (!check_want(account, &request->wants[i], verdict)) {
            return;
        }
    }
    verdict->allowed = true;
}

// Refuses what is not signed by the account; true when it is.
static bool is_from(const struct acl *acl, const struct acl_account *account,
                    const struct acl_request *request, struct acl_verdict *verdict)
{
    bool right = false;
    tidings_status status =
        check_signature(account == NULL ? acl->nobody : account->signer, request, &right);
    if (status == TIDINGS_E_TOO_LARGE || status == TIDINGS_E_INVALID) {
        refuse(verdict, ACL_BAD_REQUEST, "a header field comes twice, or there are more than %d",
               SIGN_FIELDS_MAX);
    } else if (status != TIDINGS_OK) {
        refuse(verdict, ACL_FAILED, "the signature cannot be checked now");
    } else if (!right || account == NULL) {
        refuse(verdict, ACL_WRONG, "access key or signature is wrong");
    }
    return status == TIDINGS_OK && right && account != NULL;
}

void acl_check(const struct acl *acl, const struct acl_request *request, struct acl_verdict *ret)
{
    *ret = (struct acl_verdict){ .allowed = false };
    if (acl_patterns_match(&acl->trusted, request->peer)) {
        ret->allowed = true;
        return;
    }
    struct str access_key = get_field(request, STR("AccessKey"));
    if (access_key.len == 0) {
        refuse(ret, ACL_NO_KEY, "the request has no AccessKey; this server asks for one");
        return;
    }
    const struct acl_account *account = acl_find(acl, access_key);
    if (account != NULL && acl_patterns_match(&account->trusted, request->peer)) {
        ret->account = str_of(account->access_key);
        ret->allowed = true;
        return;
    }
    if (!is_from(acl, account, request, ret)) {
        return;
    }
    ret->account = str_of(account->access_key);
    check_wants(account, request, ret);
}
