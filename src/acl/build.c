// SPDX-License-Identifier: Apache-2.0
// From what stands in an accounts file to struct acl: every value is checked here.
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "acl/accounts.h"

enum { NAME_MAX_BYTES = 255, PLACE_SIZE = 160 };

// Where in the file we are, for error texts.
struct place {
    const char *file;
    unsigned number; // of the account, from 1; 0 outside of accounts
    struct str account;
    struct tidings_error *err;
};

static tidings_status wrong(const struct place *place, const char *key, const char *format, ...)
    BASE_PRINTF(3, 4);

static tidings_status wrong(const struct place *place, const char *key, const char *format, ...)
{
    char what[sizeof place->err->text];
    char where[PLACE_SIZE] = "";
    struct acl_shown account = acl_show(place->account);
    va_list args;
    va_start(args, format);
    int n = vsnprintf(what, sizeof what, format, args);
    va_end(args);
    if (place->number > 0 && n >= 0) {
        n = snprintf(where, sizeof where,
                     place->account.len > 0 ? "account %u (%s): " : "account %u: ", place->number,
                     account.text);
    }
    return error_set(place->err, TIDINGS_E_INVALID, "%s: %s%s: %s", place->file, n < 0 ? "" : where,
                     key, n < 0 ? "is wrong" : what);
}

static tidings_status no_memory(const struct place *place)
{
    return error_set(place->err, TIDINGS_E_NO_MEMORY, "%s: no memory for the accounts",
                     place->file);
}

// One value of two spellings of a key; ret NULL when neither is there.
static tidings_status pick(const struct place *place, const char *key, const char *ours,
                           const char *other_key, const char *other, const char **ret,
                           const char **ret_key)
{
    if (ours != NULL && other != NULL) {
        return wrong(place, other_key, "says the same as %s; give one of them", key);
    }
    *ret = other != NULL ? other : ours;
    *ret_key = other != NULL ? other_key : key;
    return TIDINGS_OK;
}

static tidings_status pick_list(const struct place *place, const char *key,
                                const struct yaml_list *ours, const char *other_key,
                                const struct yaml_list *other, const struct yaml_list **ret,
                                const char **ret_key)
{
    if (ours->items_count > 0 && other->items_count > 0) {
        return wrong(place, other_key, "says the same as %s; give one of them", key);
    }
    *ret = other->items_count > 0 ? other : ours;
    *ret_key = other->items_count > 0 ? other_key : key;
    return TIDINGS_OK;
}

static bool read_permission(struct str text, unsigned *ret)
{
    static const struct {
        const char *text;
        unsigned permission;
    } known[] = { { "DENY", ACL_DENY },
                  { "PUB", ACL_PUB },
                  { "SUB", ACL_SUB },
                  { "PUB|SUB", ACL_PUB | ACL_SUB },
                  { "SUB|PUB", ACL_PUB | ACL_SUB } };
    for (size_t i = 0; i < BASE_COUNT(known); i++) {
        if (str_eq_c(text, known[i].text)) {
            *ret = known[i].permission;
            return true;
        }
    }
    return false;
}

static tidings_status take_default(const struct place *place, const char *key, const char *ours,
                                   const char *other_key, const char *other, unsigned *ret)
{
    const char *value = NULL;
    tidings_status status = pick(place, key, ours, other_key, other, &value, &key);
    *ret = ACL_DENY;
    if (status != TIDINGS_OK || value == NULL || read_permission(str_trim(str_of(value)), ret)) {
        return status;
    }
    return wrong(place, key, "\"%s\" is no permission; right are DENY, PUB, SUB and PUB|SUB",
                 acl_show(str_of(value)).text);
}

static bool name_is_valid(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '%' || c == '|' || c == '_' || c == '-';
        if (!good) {
            return false;
        }
    }
    return name.len > 0 && name.len <= NAME_MAX_BYTES;
}

static tidings_status take_grant(const struct place *place, const char *key, enum acl_kind kind,
                                 struct str text, struct acl_account *account)
{
    struct acl_grant grant = { .kind = kind };
    struct str rest = text;
    struct str name;
    bool split = str_split(&rest, '=', &name) && rest.ptr != NULL;
    name = str_trim(name);
    if (str_starts(name, STR(ACL_RETRY_PREFIX))) {
        if (kind == ACL_GROUP) {
            return wrong(place, key, "\"%s\" must be the group's name without %s",
                         acl_show(text).text, ACL_RETRY_PREFIX);
        }
        grant.kind = ACL_GROUP; // a retry topic is its group's
        name = str_make(name.ptr + strlen(ACL_RETRY_PREFIX), name.len - strlen(ACL_RETRY_PREFIX));
    }
    if (!split || !name_is_valid(name) || !read_permission(str_trim(rest), &grant.permission)) {
        return wrong(place, key,
                     "\"%s\" is not NAME=PERMISSION with one of DENY, PUB, SUB, PUB|SUB",
                     acl_show(text).text);
    }
    grant.name = str_dup(name);
    if (grant.name == NULL) {
        return no_memory(place);
    }
    account->grants[account->grant_count++] = grant;
    return TIDINGS_OK;
}

static tidings_status take_grants(const struct place *place, const struct yaml_account *from,
                                  struct acl_account *account)
{
    const struct yaml_list *lists[2] = { NULL, NULL };
    const char *keys[2];
    static const enum acl_kind kinds[2] = { ACL_TOPIC, ACL_GROUP };
    tidings_status status = pick_list(place, "topics", &from->topics, "topicPerms",
                                      &from->rmq_topics, &lists[0], &keys[0]);
    if (status == TIDINGS_OK) {
        status = pick_list(place, "groups", &from->groups, "groupPerms", &from->rmq_groups,
                           &lists[1], &keys[1]);
    }
    if (status != TIDINGS_OK) {
        return status;
    }
    size_t count = (size_t)lists[0]->items_count + lists[1]->items_count;
    if (count > ACL_GRANTS_MAX) {
        return wrong(place, keys[0], "more than %d topics and groups", ACL_GRANTS_MAX);
    }
    account->grants = calloc(count == 0 ? 1 : count, sizeof *account->grants);
    if (account->grants == NULL) {
        return no_memory(place);
    }
    for (size_t list = 0; list < 2; list++) {
        for (unsigned i = 0; i < lists[list]->items_count && status == TIDINGS_OK; i++) {
            status =
                take_grant(place, keys[list], kinds[list], str_of(lists[list]->items[i]), account);
        }
    }
    return status;
}

static tidings_status sort_grants(const struct place *place, struct acl_account *account)
{
    size_t twice;
    if (acl_sort_grants(account, &twice)) {
        return TIDINGS_OK;
    }
    const struct acl_grant *grant = &account->grants[twice];
    return wrong(place, grant->kind == ACL_TOPIC ? "topics" : "groups", "\"%s\" comes twice",
                 acl_show(str_of(grant->name)).text);
}

static tidings_status take_addresses(const struct place *place, const char *key,
                                     const struct yaml_list *list, struct acl_patterns *patterns)
{
    struct tidings_error why = { 0 };
    for (unsigned i = 0; i < list->items_count; i++) {
        tidings_status status = acl_patterns_add(patterns, str_of(list->items[i]), &why);
        if (status == TIDINGS_E_NO_MEMORY) {
            return no_memory(place);
        }
        if (status != TIDINGS_OK) {
            return wrong(place, key, "%s", why.text);
        }
    }
    return TIDINGS_OK;
}

static tidings_status take_trusted(const struct place *place, const struct yaml_account *from,
                                   struct acl_account *account)
{
    // RocketMQ's key is often there without a value, for: no address.
    bool blank = from->rmq_trusted == NULL || str_trim(str_of(from->rmq_trusted)).len == 0;
    char *one[1] = { from->rmq_trusted };
    const struct yaml_list other = { one, blank ? 0 : 1 };
    const struct yaml_list *list = NULL;
    const char *key = NULL;
    tidings_status status = pick_list(place, "trusted_addresses", &from->trusted,
                                      "whiteRemoteAddress", &other, &list, &key);
    return status == TIDINGS_OK ? take_addresses(place, key, list, &account->trusted) : status;
}

static tidings_status take_admin(const struct place *place, const char *text, bool *ret)
{
    static const struct {
        const char *text;
        bool value;
    } known[] = { { "true", true },   { "yes", true }, { "on", true },
                  { "false", false }, { "no", false }, { "off", false } };
    *ret = false;
    if (text == NULL) {
        return TIDINGS_OK;
    }
    for (size_t i = 0; i < BASE_COUNT(known); i++) {
        if (strcasecmp(text, known[i].text) == 0) {
            *ret = known[i].value;
            return TIDINGS_OK;
        }
    }
    return wrong(place, "admin", "must be true or false, and not \"%s\"",
                 acl_show(str_of(text)).text);
}

// The bounds of keys and secrets; says nothing of their text.
static tidings_status check_length(const struct place *place, const char *both, const char *key,
                                   const char *value)
{
    size_t len = value == NULL ? 0 : strlen(value);
    if (len == 0) {
        return wrong(place, both, "is missing");
    }
    if (len < ACL_KEY_MIN || len > ACL_KEY_MAX) {
        return wrong(place, key, "has %zu bytes; right are %d to %d", len, ACL_KEY_MIN,
                     ACL_KEY_MAX);
    }
    return TIDINGS_OK;
}

static tidings_status take_keys(struct place *place, const struct yaml_account *from,
                                struct acl_account *account)
{
    const char *access_key = NULL;
    const char *secret = NULL;
    const char *key;
    tidings_status status = pick(place, "access_key", from->access_key, "accessKey",
                                 from->rmq_access_key, &access_key, &key);
    if (status == TIDINGS_OK) {
        status = check_length(place, "access_key or accessKey", key, access_key);
    }
    if (status != TIDINGS_OK) {
        return status;
    }
    place->account = str_of(access_key);
    status = pick(place, "secret_key", from->secret_key, "secretKey", from->rmq_secret_key, &secret,
                  &key);
    if (status == TIDINGS_OK) {
        status = check_length(place, "secret_key or secretKey", key, secret);
    }
    if (status != TIDINGS_OK) {
        return status;
    }
    account->access_key = str_dup(place->account);
    return account->access_key == NULL ? no_memory(place)
                                       : sign_key_new(str_of(secret), &account->signer, place->err);
}

static tidings_status take_account(struct place *place, const struct yaml_account *from,
                                   struct acl_account *account)
{
    tidings_status status = take_keys(place, from, account);
    if (status == TIDINGS_OK) {
        status = take_admin(place, from->admin, &account->admin);
    }
    if (status == TIDINGS_OK) {
        status = take_default(place, "default_topic", from->default_topic, "defaultTopicPerm",
                              from->rmq_default_topic, &account->default_topic);
    }
    if (status == TIDINGS_OK) {
        status = take_default(place, "default_group", from->default_group, "defaultGroupPerm",
                              from->rmq_default_group, &account->default_group);
    }
    if (status == TIDINGS_OK) {
        status = take_trusted(place, from, account);
    }
    if (status == TIDINGS_OK) {
        status = take_grants(place, from, account);
    }
    return status == TIDINGS_OK ? sort_grants(place, account) : status;
}

static tidings_status take_accounts(struct place *place, const struct yaml_file *file,
                                    struct acl *acl)
{
    tidings_status status = TIDINGS_OK;
    acl->accounts = calloc(file->accounts_count + 1, sizeof *acl->accounts);
    if (acl->accounts == NULL) {
        return no_memory(place);
    }
    for (unsigned i = 0; i < file->accounts_count && status == TIDINGS_OK; i++) {
        place->number = i + 1;
        place->account = STR("");
        acl->account_count++;
        status = take_account(place, &file->accounts[i], &acl->accounts[i]);
    }
    if (status != TIDINGS_OK) {
        return status;
    }
    place->number = 0;
    size_t twice;
    if (acl_sort_accounts(acl, &twice)) {
        return TIDINGS_OK;
    }
    return wrong(place, "accounts", "access key %s comes twice",
                 acl_show(str_of(acl->accounts[twice].access_key)).text);
}

tidings_status acl_build(const char *name, const struct yaml_file *file, struct acl **ret,
                         struct tidings_error *err)
{
    struct place place = { .file = name, .account = STR(""), .err = err };
    const struct yaml_list *list = NULL;
    const char *key = NULL;
    struct acl *acl = calloc(1, sizeof *acl);
    if (acl == NULL) {
        return no_memory(&place);
    }
    tidings_status status =
        pick_list(&place, "trusted_addresses", &file->trusted, "globalWhiteRemoteAddresses",
                  &file->rmq_trusted, &list, &key);
    if (status == TIDINGS_OK && list != NULL && list->items_count == 0 &&
        file->accounts_count == 0) {
        status = wrong(&place, "accounts",
                       "there are none, and no trusted addresses: with this "
                       "file nobody would be served");
    }
    if (status == TIDINGS_OK) {
        status = take_addresses(&place, key, list, &acl->trusted);
    }
    if (status == TIDINGS_OK) {
        status = take_accounts(&place, file, acl);
    }
    if (status == TIDINGS_OK) {
        status = sign_key_new(STR("nobody knows nobody's secret"), &acl->nobody, err);
    }
    if (status != TIDINGS_OK) {
        acl_free(acl);
        return status;
    }
    *ret = acl;
    return TIDINGS_OK;
}
