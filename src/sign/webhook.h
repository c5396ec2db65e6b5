// SPDX-License-Identifier: Apache-2.0
// Signatures of webhooks: one who notifies signs each attempt, one who listens compares.
//
//   standard     Standard Webhooks 1.0.0 (spec/standard-webhooks.md, "Signature scheme"): the value
//                of `webhook-signature`, a list with spaces between of `v1,` + base64(HMAC-SHA256)
//                and `v1a,` + base64(ed25519), both over `{id}.{timestamp}.{body}`
//   hmac_hex     hex(HMAC-SHA256(secret, body)) in small letters behind a prefix such as "sha256=",
//                in a header that the receiver chooses
//   params_md5   WeChat Pay v2 ("Signature algorithm"): MD5 in capital hex over `k=v&…&key=SECRET`
//   params_hmac  the same with HMAC-SHA256, the secret being its key as well
//   rsa2         Alipay (sign_type=RSA2): base64(RSA-SHA256, PKCS#1 v1.5) over `k=v&…`
//
// Nothing here keeps what it is given: every struct str belongs to the caller. Errors have a text
// that says what is wrong and never show a secret; after an error `out` is as before.
#ifndef SIGN_WEBHOOK_H
#define SIGN_WEBHOOK_H

#include "base/error.h"
#include "base/str.h"

// X(NAME, name in texts)
#define SIGN_SCHEME_MAP(X)                                                                         \
    X(SIGN_NONE, "none")                                                                           \
    X(SIGN_STANDARD, "standard")                                                                   \
    X(SIGN_HMAC_HEX, "hmac_hex")                                                                   \
    X(SIGN_PARAMS_MD5, "params_md5")                                                               \
    X(SIGN_PARAMS_HMAC, "params_hmac")                                                             \
    X(SIGN_RSA2, "rsa2")

enum sign_scheme {
#define X(name, text) name,
    SIGN_SCHEME_MAP(X)
#undef X
};

// Name of a scheme, and back: E_INVALID lists the names there are. *ret is SIGN_NONE then.
const char *sign_scheme_name(enum sign_scheme scheme);
tidings_status sign_scheme_parse(struct str text, enum sign_scheme *ret,
                                 struct tidings_error *err) TIDINGS_NODISCARD;

enum {
    SIGN_KEYS_MAX = 10,               // keys used at once, while they are being changed
    SIGN_ID_MAX = 256,                // bytes of a webhook's id
    SIGN_HEADER_MAX = 4096,           // bytes of a list of signatures that is compared
    SIGN_LIST_MAX = 32,               // signatures in such a list
    SIGN_HEADER_MADE_MAX = 1024,      // the longest list that sign_webhook makes is shorter
    SIGN_ED25519_BODY_MAX = 16 << 20, // ed25519 needs all bytes at once, a copy; HMAC does not
    SIGN_PREFIX_MAX = 32,             // bytes of a prefix such as "sha256="
    SIGN_PARAMS_MAX = 256,            // parameters of a request
    SIGN_SECRET_MIN = 24,             // bytes of a secret behind whsec_
    SIGN_SECRET_MAX = 64,
    SIGN_TEXT_SECRET_MAX = 1024, // bytes of a secret of hmac_hex, params_md5, params_hmac
    SIGN_PEM_MAX = 16384,        // bytes of the PEM text of a key
    SIGN_RSA_BITS_MIN = 2048,
    SIGN_RSA_BITS_MAX = 8192,
    SIGN_GENERATED_SIZE = 51, // array for what sign_secret_generate makes, with its NUL
    SIGN_TOLERANCE_S = 300,   // how far a timestamp may be off, as in the libraries of the standard
};

// ---- secrets ----
// A secret made ready for use. Immutable: usable from several threads at once. What it holds is
// wiped when it is freed; the text it is made of stays with the caller, who wipes it.
struct sign_secret;

// Reads the text of a secret:
//   standard     whsec_ + base64 of 24 to 64 bytes: v1
//                whsk_ + base64 of 64 bytes (seed and public key, RFC 8032) or of the 32 of the
//                seed: v1a; whpk_ + base64 of the 32 bytes of a public key: v1a, verifying only
//   hmac_hex, params_md5, params_hmac: 1 to 1024 bytes without control characters, as they are
//   rsa2         PEM of an RSA key of 2048 to 8192 bits without a password: a private key (PKCS#8
//                or PKCS#1), or PUBLIC KEY (X.509), verifying only
// Base64 is that of RFC 4648 section 4 with its padding and without anything else. E_INVALID when
// the text is none of these, E_NO_MEMORY; E_INTERNAL or E_UNSUPPORTED when the crypto library lacks
// what it takes. SIGN_NONE has no secret: E_INVALID. *ret is NULL after an error.
tidings_status sign_secret_new(enum sign_scheme scheme, struct str text, struct sign_secret **ret,
                               struct tidings_error *err) TIDINGS_NODISCARD;
void sign_secret_free(struct sign_secret *secret); // NULL allowed
// Whether it may sign; a public key only verifies.
bool sign_secret_can_sign(const struct sign_secret *secret);
// Text of a new secret of 32 random bytes: whsec_ and base64, with a NUL. The caller wipes it
// (OPENSSL_cleanse). E_INTERNAL when the system has no randomness; the text is empty then.
tidings_status sign_secret_generate(char ret_text[SIGN_GENERATED_SIZE],
                                    struct tidings_error *err) TIDINGS_NODISCARD;

// In all that follows `keys` are 1 to SIGN_KEYS_MAX secrets of the scheme in question; anything
// else is E_INVALID, and so is signing with a public key. E_NO_MEMORY is possible everywhere.

// ---- standard ----
// Appends the value of `webhook-signature`: one signature a key, in their order. `id` has 1 to
// SIGN_ID_MAX visible ASCII characters and no full stop, which is what separates the parts of what
// is signed; timestamp_s is the time of this attempt in seconds since 1970, not negative.
// E_INVALID, E_TOO_LARGE (a body beyond SIGN_ED25519_BODY_MAX with an ed25519 key; no room in
// `out`). HMAC reads the body in its place, once a key.
tidings_status sign_webhook(const struct sign_secret *const *keys, size_t count, struct str id,
                            int64_t timestamp_s, struct str body, struct buf *out,
                            struct tidings_error *err) TIDINGS_NODISCARD;

// The values of the three headers as they came, without white space at their ends.
struct sign_webhook_headers {
    struct str id;        // webhook-id
    struct str timestamp; // webhook-timestamp: decimal digits
    struct str signature; // webhook-signature
};
// OK when one signature of the list fits one of the keys. Signatures of unknown versions and such
// as cannot be right are passed over. Otherwise:
//   E_INVALID     id or timestamp malformed, no signature there, wrong keys
//   E_TOO_LARGE   list longer than SIGN_HEADER_MAX or SIGN_LIST_MAX, or a body too large for
//                 ed25519
//   E_STATE       timestamp more than tolerance_s away from now_s, before or after: looked at
//                 first, and not a thing that a second try of the same request could heal
//   E_PERMISSION  no signature fits
// Costs at most one HMAC a key, and one check by ed25519 for each pair of key and signature.
tidings_status sign_webhook_verify(const struct sign_secret *const *keys, size_t count,
                                   const struct sign_webhook_headers *headers, int64_t now_s,
                                   uint32_t tolerance_s, struct str body,
                                   struct tidings_error *err) TIDINGS_NODISCARD;

// ---- hmac_hex ----
// Appends prefix and digest. The prefix may be empty and has visible ASCII characters only; else
// E_INVALID. E_TOO_LARGE: no room in `out`.
tidings_status sign_body_hex(const struct sign_secret *key, struct str prefix, struct str body,
                             struct buf *out, struct tidings_error *err) TIDINGS_NODISCARD;
// `value` is the header's. Hex digits may be capitals. E_INVALID when it is not the prefix and 64
// hex digits, E_PERMISSION when it fits none of the keys.
tidings_status sign_body_hex_verify(const struct sign_secret *const *keys, size_t count,
                                    struct str prefix, struct str body, struct str value,
                                    struct tidings_error *err) TIDINGS_NODISCARD;

// ---- params_md5, params_hmac, rsa2 ----
// A parameter of a form, a flat JSON object or flat XML, decoded: what its reader will see.
struct sign_param {
    struct str name;
    struct str value;
};
// Signed are the parameters that are not empty, in the order of their names' bytes, without `sign`
// (rsa2: nor `sign_type`). A sender had better leave empty ones out of the body altogether: some
// receivers of rsa2 count them in. Values are signed as they are: the format itself does not tell a
// `&` inside of one from a separator. Appends the value of `sign`, not encoded further; the caller
// puts it into the body. E_INVALID when a name comes twice, is empty or has a `=` or `&`, or when
// nothing is left to sign; E_TOO_LARGE beyond SIGN_PARAMS_MAX or when `out` has no room.
tidings_status sign_params(const struct sign_secret *key, const struct sign_param *params,
                           size_t count, struct buf *out,
                           struct tidings_error *err) TIDINGS_NODISCARD;
// Appends what is signed with secrets of this scheme, `k=v&…`, without the secret behind it. The
// same errors.
tidings_status sign_params_text(enum sign_scheme scheme, const struct sign_param *params,
                                size_t count, struct buf *out,
                                struct tidings_error *err) TIDINGS_NODISCARD;
// Compares with the parameter `sign` among them (hex digits may be small letters). E_INVALID also
// when it is absent or malformed, E_PERMISSION when it fits none of the keys; these must all be of
// one scheme.
tidings_status sign_params_verify(const struct sign_secret *const *keys, size_t keys_count,
                                  const struct sign_param *params, size_t count,
                                  struct tidings_error *err) TIDINGS_NODISCARD;

#endif
