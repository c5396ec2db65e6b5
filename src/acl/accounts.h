// SPDX-License-Identifier: Apache-2.0
// What an accounts file becomes. Private to the room.
#ifndef ACL_ACCOUNTS_H
#define ACL_ACCOUNTS_H

#include "acl/acl.h"
#include "acl/address.h"

#define ACL_RETRY_PREFIX "%RETRY%"

struct acl_grant {
    enum acl_kind kind; // ACL_TOPIC or ACL_GROUP
    char *name;
    unsigned permission;
};

struct acl_account {
    char *access_key;
    struct sign_key *signer;
    struct acl_patterns trusted;
    bool admin;
    unsigned default_topic;
    unsigned default_group;
    struct acl_grant *grants; // in order of (kind, name)
    size_t grant_count;
};

struct acl {
    struct acl_patterns trusted;
    struct acl_account *accounts; // in order of their keys
    size_t account_count;
    struct sign_key *nobody; // does an unknown key's share of the work, so that it takes as long
};

// NULL when there is none.
const struct acl_account *acl_find(const struct acl *acl, struct str access_key);
const struct acl_grant *acl_account_grant(const struct acl_account *account, enum acl_kind kind,
                                          struct str name);

// Bring into order for the two above; false with the index of one that is there twice.
bool acl_sort_grants(struct acl_account *account, size_t *ret_twice);
bool acl_sort_accounts(struct acl *acl, size_t *ret_twice);

// ---- what the file's keys hold, as libcyaml fills it in ----
struct yaml_list {
    char **items;
    unsigned items_count;
};
// NULL and empty lists: not given.
struct yaml_account {
    char *access_key, *secret_key, *admin, *default_topic, *default_group;
    struct yaml_list topics, groups, trusted;
    // RocketMQ's names for the same, and its one address where we have a list
    char *rmq_access_key, *rmq_secret_key, *rmq_default_topic, *rmq_default_group, *rmq_trusted;
    struct yaml_list rmq_topics, rmq_groups;
};
struct yaml_file {
    struct yaml_list trusted, rmq_trusted;
    struct yaml_account *accounts;
    unsigned accounts_count;
};

// Checks the values and builds; E_INVALID with the account and key that is wrong.
tidings_status acl_build(const char *name, const struct yaml_file *file, struct acl **ret,
                         struct tidings_error *err) TIDINGS_NODISCARD;

enum { ACL_SHOWN_MAX = 60 };
// Text fit for a log line: printable ASCII only, cut at ACL_SHOWN_MAX bytes.
struct acl_shown {
    char text[ACL_SHOWN_MAX + 4];
};
struct acl_shown acl_show(struct str text);

#endif
