// SPDX-License-Identifier: Apache-2.0
// What the files of the room share: the settings as they lie in memory.
#ifndef RECEIVER_PRIVATE_H
#define RECEIVER_PRIVATE_H

#include <jansson.h>
#include <stdatomic.h>

#include "receiver/ack.h"
#include "receiver/receiver.h"

enum {
    SECRET_ID_SIZE = 33, // array for the id of a secret
    SECRETS_WHAT_SIZE = RECEIVER_NAME_MAX + 16,
    SECRET_TEXT_MAX = SIGN_PEM_MAX,
    AUTH_MAX = 4096,            // bytes of credentials
    PEM_MAX = 64 * 1024,        // bytes of certificates
    KEY_PEM_MAX = SIGN_PEM_MAX, // bytes of a private key
    HEADER_NAME_MAX = 128,
    HEADER_VALUE_MAX = 4096,
    TEMPLATE_PIECES_MAX = 256,
    ACTION_MAX = 1024,
    BODY_MAX = 64 * 1024 * 1024, // bytes of an envelope, of a signed payload
    RATE_MAX = 1000000,
};

// A text nobody may see. Wiped when it is freed.
struct hidden {
    char *ptr; // NULL = none; ends with a NUL
    size_t len;
};
tidings_status hidden_set(struct hidden *hidden, struct str text,
                          struct tidings_error *err) TIDINGS_NODISCARD;
void hidden_free(struct hidden *hidden);

struct secret {
    char id[SECRET_ID_SIZE];
    int64_t created_ms;
    int64_t active_ms;  // signs from then on, 0 = always has
    int64_t expires_ms; // 0 = never
    struct hidden text;
    struct sign_secret *key;
};

// What of a template is not itself.
enum place {
    PLACE_NONE,
    PLACE_PAYLOAD,
    PLACE_ID,
    PLACE_SOURCE,
    PLACE_TYPE,
    PLACE_TX_NO,
    PLACE_ATTEMPT
};
struct piece {
    struct str text; // of the template, before what is put in
    enum place place;
};

struct soap {
    bool is_used;
    bool is_12;
    char *content_type; // made of version and action
    char *action;       // with its quotes; NULL in 1.2
    struct piece pieces[TEMPLATE_PIECES_MAX];
    size_t piece_count;
};

struct receiver_settings {
    _Atomic unsigned refs;
    char name[RECEIVER_NAME_MAX + 1];
    // What was given, without anything secret; the texts below that are not copies lie in it.
    json_t *plain;
    struct receiver_limits limits;
    int64_t attempt_limit;
    int64_t window_ms;
    const char *url;
    struct str types[RECEIVER_TYPES_MAX];
    size_t type_count;
    struct http_field headers[RECEIVER_HEADERS_MAX];
    size_t header_count;
    struct ack_rule *ack;
    enum sign_scheme scheme;
    struct str signature_header; // hmac_hex
    struct str signature_prefix;
    struct str second_header; // "" = none
    struct secret secrets[SIGN_KEYS_MAX];
    size_t secret_count;
    struct hidden basic;
    struct hidden bearer;
    const char *tls_ca; // or NULL
    const char *tls_certificate;
    struct hidden tls_key;
    struct soap soap;
};

// What is read from, beside the tree itself.
struct source {
    const struct seal *seal;             // or NULL
    const struct receiver_settings *old; // whose secrets stay where the tree says so, or NULL
    int64_t now_ms;
};

// ---- settings.c ----
// Takes `root`, also on failure; what is secret in it is wiped.
tidings_status settings_build(struct str name, json_t *root, const struct source *source,
                              struct receiver_settings **ret,
                              struct tidings_error *err) TIDINGS_NODISCARD;
// ---- settings_read.c ----
// All members; `ret` has its defaults. What was read of secrets is there after an error, too.
tidings_status settings_fill(json_t *root, const struct source *source,
                             struct receiver_settings *ret,
                             struct tidings_error *err) TIDINGS_NODISCARD;

// ---- secrets.c: all that may not be seen ----
// secrets, auth, tls.key. Where a member is `true` (secrets: has no `secret`), what `old` has
// stays.
tidings_status secrets_read(const json_t *root, const struct source *source,
                            struct receiver_settings *ret,
                            struct tidings_error *err) TIDINGS_NODISCARD;
// The keys that sign at this time, the newest first.
size_t secrets_keys(const struct receiver_settings *settings, int64_t now_ms,
                    const struct sign_secret *ret[SIGN_KEYS_MAX]);
// The newest that has not expired, `main` apart, whether it signs already or not; or NULL.
const struct sign_secret *secrets_other(const struct receiver_settings *settings, int64_t now_ms,
                                        const struct sign_secret *main);
// Until when one that signs at this time goes on to; 0 = none signs, INT64_MAX = for ever.
int64_t secrets_covered_until(const struct receiver_settings *settings, int64_t now_ms);
// What sealed texts of a receiver are bound to.
struct str secrets_bound_to(const char *name, char room[SECRETS_WHAT_SIZE]);

// ---- secrets_tree.c ----
// Overwrites the texts in the tree.
void secrets_wipe(json_t *root);
// Takes them out of the tree, which has been wiped.
void secrets_remove(json_t *root);
// Puts them into a tree: sealed, or (seal NULL) as secrets_read takes them for what there is.
tidings_status secrets_put(const struct receiver_settings *settings, const struct seal *seal,
                           json_t *root, struct tidings_error *err) TIDINGS_NODISCARD;
// ---- tls.c ----
tidings_status tls_check(const struct receiver_settings *settings,
                         struct tidings_error *err) TIDINGS_NODISCARD;

// ---- headers.c ----
// A name that only the notifier writes.
bool headers_is_reserved(struct str name);

// ---- soap.c ----
tidings_status soap_read(const json_t *document, struct soap *ret,
                         struct tidings_error *err) TIDINGS_NODISCARD;
void soap_free(struct soap *soap);
// Appends the envelope.
tidings_status soap_write(const struct soap *soap, const struct receiver_message *message,
                          struct buf *out, struct tidings_error *err) TIDINGS_NODISCARD;

// ---- params.c ----
// Appends the payload with `sign` put in.
tidings_status params_write(const struct sign_secret *key, enum sign_scheme scheme,
                            const struct receiver_message *message, struct buf *out,
                            struct tidings_error *err) TIDINGS_NODISCARD;

#endif
