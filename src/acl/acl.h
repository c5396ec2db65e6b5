// SPDX-License-Identifier: Apache-2.0
// Who may do what on the embedded broker: accounts with a key and a secret, signed requests,
// permissions on topics and groups, addresses that are trusted without a signature. Speaks what
// RocketMQ calls ACL 1.0 (checked against its release 4.9.7); docs/acl.md tells the operator.
//
// struct acl is what an accounts file says. It never changes after loading, so that any number of
// threads may check against it at the same time, and a reload is: load the new one, swap the
// pointer, free the old one when nobody uses it. Views in a verdict point into it.
//
// Secrets stay inside: no error text and no verdict quotes one, and the file's bytes are wiped from
// the buffers of this room after loading.
#ifndef ACL_ACL_H
#define ACL_ACL_H

#include "base/error.h"
#include "base/str.h"
#include "sign/sign.h"

enum {
    ACL_FILE_MAX_BYTES = 1024 * 1024,
    ACL_ACCOUNTS_MAX = 4096,
    ACL_GRANTS_MAX = 4096,    // topics and groups named in one account
    ACL_ADDRESSES_MAX = 1024, // addresses and patterns of one list, alternatives counted singly
    ACL_KEY_MIN = 6,          // bytes of an access key and of a secret
    ACL_KEY_MAX = 255,
    ACL_TEXT_SIZE = 240,
};

// ---- accounts file ----
struct acl;
// Reads a file: YAML with our names or those of RocketMQ's plain_acl.yml (docs/acl.md). Any mistake
// refuses the whole file: E_NOT_FOUND when it cannot be opened, E_TOO_LARGE beyond
// ACL_FILE_MAX_BYTES, E_INVALID with the file, the line (mistakes of form) or the account and key
// (mistakes in values) and what would be right.
tidings_status acl_load(const char *path, struct acl **ret,
                        struct tidings_error *err) TIDINGS_NODISCARD;
// The same from memory; `name` stands for the file in error texts.
tidings_status acl_read(const char *name, struct str text, struct acl **ret,
                        struct tidings_error *err) TIDINGS_NODISCARD;
void acl_free(struct acl *acl); // NULL allowed; wipes secrets
size_t acl_account_count(const struct acl *acl);

// ---- checking ----
enum { ACL_DENY = 0, ACL_PUB = 1, ACL_SUB = 2, ACL_ANY = ACL_PUB | ACL_SUB };
enum acl_kind {
    ACL_TOPIC, // a name that starts with %RETRY% counts as the group behind it
    ACL_GROUP,
    ACL_ADMIN, // a request for administrators only; `name` says which, for the verdict's text
};

// One thing the request needs. Which requests need what is the broker's to say.
struct acl_want {
    enum acl_kind kind;
    struct str name;
    unsigned permission; // ACL_PUB or ACL_SUB; ACL_ANY: either will do; not looked at for ACL_ADMIN
};

struct acl_request {
    struct str peer; // address bytes in network order: 4, or 16; anything else is no known address
    const struct sign_field *fields;
    size_t field_count;
    struct str body;
    const struct acl_want *wants; // all of them are needed
    size_t want_count;            // 0: a correct signature is enough
};

enum acl_reason {
    ACL_ALLOWED,
    ACL_NO_KEY, // AccessKey missing or empty
    ACL_WRONG,  // key unknown, signature wrong or missing: not told apart, in text or in time
    ACL_NO_PERMISSION, // signed correctly, but not allowed
    ACL_BAD_REQUEST,   // too many fields, or one name twice
    ACL_FAILED,        // could not be checked (no memory), and so is not allowed; try again
};

struct acl_verdict {
    bool allowed;
    enum acl_reason reason;
    // The account's access key, for the server's own log, when the request is known to come from
    // it or from one of its trusted addresses; ptr NULL otherwise. Lives as long as the acl.
    struct str account;
    char text[ACL_TEXT_SIZE]; // for the peer, plain ASCII; "" when allowed
};

// The order of things: an address that all may use → allowed. AccessKey missing → ACL_NO_KEY. An
// address that the account trusts → allowed. Signature. Then each want: an admin whose account
// names no topics and groups may do all; publishing to RMQ_SYS_TRACE_TOPIC is open to every
// account; a topic or group that the account names has what is said there, others the default.
void acl_check(const struct acl *acl, const struct acl_request *request, struct acl_verdict *ret);

#endif
