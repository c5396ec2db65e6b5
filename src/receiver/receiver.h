// SPDX-License-Identifier: Apache-2.0
// A receiver of notifications, as its settings describe it: where it is, how it is spoken to (HTTP
// or SOAP, headers, credentials, signature), which reply means "taken", on which ladder it is told
// again, how much it may be given at a time. All of it pure: nothing here does input or output.
//
// Settings are a JSON document, the same in the API, in the configuration and (with its secrets
// sealed) in the database. Members; what is left out has its default:
//   url            where to POST to; must be given
//   types          patterns of notification types it subscribes to: ["recharge.*"]; `*` stands for
//                  any characters; none = only what names it
//   ladder         text of ladder/ladder.h ("article"); attemptLimit and windowMs, when given,
//                  stand above the text's own limit and window
//   attemptLimit   attempts after the first, 0 = as the ladder says
//   windowMs       0 = as the ladder says
//   timeoutMs      one deadline over an attempt, 10 to 300000 (15000)
//   inFlight       attempts at a time, 1 to 1024 (64)
//   ratePerSecond  attempts a second up to 1000000, 0 = no limit (0); burst: how many at once (as
//                  many as ratePerSecond)
//   headers        {"name": "value"}: sent with every attempt, and shown (credentials: auth)
//   ack            which reply means "taken"; default {"status": "200-299"}:
//     status       "200-299,304": codes and ranges
//     body         the reply's body must be this text, white space around it apart
//     json         {"pointer": "/code", "equals": "OK"} (RFC 6901; equals: text, number, true,
//                  false or null)
//     xpath        {"path": "//return_code", "equals": "SUCCESS", "namespaces": {"p": "uri"}}
//                  (XPath 1.0; its string value is compared). Paths that would be long work in a
//                  reply of its size are not followed there (receiver/ack_cost.h)
//     noFault      true: a SOAP Fault in the body is a refusal (default for soap), and so is a
//                  body that is no envelope; none at all is fine
//   signature      {"scheme": "standard"} (default when there is a secret), or hmac_hex with
//                  "header" ("X-Signature"), "prefix" ("") and "secondHeader" (none: while two
//                  secrets are valid it has the signature by the other one), params_md5,
//                  params_hmac, rsa2: see sign/webhook.h. The params schemes sign the members of a
//                  form, a flat JSON or a flat XML payload and put `sign` (rsa2: and `sign_type`)
//                  behind the others; what is sent is then the accepted bytes with that inserted,
//                  and nothing else changed. Not with soap. "none": nothing is signed. When all
//                  secrets have expired, or another scheme than standard has none, attempts fail
//                  rather than go unsigned.
//   secrets        [{"secret": "whsec_…", "activeAt": ms, "expiresAt": ms}]: written only; shown
//   are
//                  id, createdAt, activeAt, expiresAt. The first is the newest. One signs from
//                  activeAt on and until expiresAt (both may be absent); all that do sign
//                  (standard; the other schemes have room for one signature: the newest of them).
//                  id and createdAt may be given; in a change an item without `secret` stands for
//                  the one with its id.
//   auth           {"basic": "user:password"} or {"bearer": "token"}: written only
//   tls            {"ca": PEM, "certificate": PEM, "key": PEM (written only)}; without "ca" the
//                  system's file of authorities is trusted (read anew after five minutes)
//                  what is written only is shown as true, which a change may have as well: it stays
//   soap           {"version": "1.1" or "1.2", "action": "uri", "template": "<…>${payload}</…>"};
//                  in the template ${payload}, ${id}, ${source}, ${type}, ${txNo}, ${attempt} are
//                  replaced, XML-escaped; without one a plain envelope with the payload in it
//   breaker        {"failures": 10, "probeMs": 5000, "probeMaxMs": 60000}: so many failures in a
//                  row that say "not reachable" or 5xx park the receiver; probed after probeMs,
//                  twice as long each time. failures 0 = never; probeMs 100 to 3600000, probeMaxMs
//                  up to 86400000
// null stands for the default of any member. An unknown member is an error that names it and lists
// those that there are.
#ifndef RECEIVER_RECEIVER_H
#define RECEIVER_RECEIVER_H

#include "base/error.h"
#include "base/str.h"
#include "http/client.h"
#include "ladder/ladder.h"
#include "sign/seal.h"
#include "sign/webhook.h"

enum {
    RECEIVER_DOCUMENT_MAX = 256 * 1024,
    RECEIVER_NAME_MAX = 255, // letters, digits, `.`, `_`, `-`
    RECEIVER_TYPES_MAX = 64,
    RECEIVER_TYPE_MAX = 255,
    RECEIVER_HEADERS_MAX = 32,
    RECEIVER_PASSED_ON_MAX = 24, // header fields of one message
    RECEIVER_IN_FLIGHT_MAX = 1024,
    RECEIVER_TIMEOUT_LEAST_MS = 10,
    RECEIVER_TIMEOUT_MOST_MS = 300000,
    RECEIVER_TEMPLATE_MAX = 64 * 1024,
    RECEIVER_REPLY_MAX =
        64 * 1024, // of a reply that is looked at; more cannot fit body, json, xpath
    RECEIVER_LADDER_SIZE = 1024,
    RECEIVER_OVERLAP_DEFAULT_MS = 24 * 3600 * 1000, // of a rotated secret
};
#define RECEIVER_OVERLAP_MOST_MS (30LL * 24 * 3600 * 1000)

// Immutable and counted: an attempt under way keeps the settings it began with.
struct receiver_settings;
struct receiver_settings *receiver_settings_ref(struct receiver_settings *settings);
void receiver_settings_unref(struct receiver_settings *settings); // any thread; NULL allowed

// Is it a name that a receiver can have? E_INVALID says what would be right.
tidings_status receiver_name_check(struct str name, struct tidings_error *err) TIDINGS_NODISCARD;

// From a document of a user or of the database (sealed secrets are opened by `seal`, which may be
// NULL: E_PERMISSION then). E_INVALID names the member and what would be right.
tidings_status receiver_settings_parse(struct str name, struct str document,
                                       const struct seal *seal, int64_t now_ms,
                                       struct receiver_settings **ret,
                                       struct tidings_error *err) TIDINGS_NODISCARD;
// Appends the document for the database, secrets sealed; E_STATE when there are secrets and no
// seal.
tidings_status receiver_settings_store(const struct receiver_settings *settings,
                                       const struct seal *seal, struct buf *out,
                                       struct tidings_error *err) TIDINGS_NODISCARD;
// Appends the document for people: every member, defaults too, secrets only named.
tidings_status receiver_settings_show(const struct receiver_settings *settings, struct buf *out,
                                      struct tidings_error *err) TIDINGS_NODISCARD;
// Changes some members as JSON Merge Patch does (RFC 7396: null takes back to the default).
tidings_status receiver_settings_merge(const struct receiver_settings *settings, struct str patch,
                                       int64_t now_ms, struct receiver_settings **ret,
                                       struct tidings_error *err) TIDINGS_NODISCARD;
// A new secret in front of the others, which sign for overlap_ms yet (0 to
// RECEIVER_OVERLAP_MOST_MS; unless they expire before); expired ones are dropped. The new one signs
// from active_ms on, and the overlap counts from then. active_ms 0: at once with scheme standard,
// which has room for all signatures; with the others when the overlap ends, so that the old secret
// is good until then and the new one afterwards. E_INVALID when active_ms is too far away, or
// nothing would sign until then, or when there are SIGN_KEYS_MAX secrets then, E_STATE when the
// scheme is none. secret "" makes one (schemes standard, hmac_hex and params_*; rsa2 needs one
// given). Appends the new secret's text to `ret_secret`.
tidings_status receiver_settings_rotate(const struct receiver_settings *settings, struct str secret,
                                        int64_t overlap_ms, int64_t active_ms, int64_t now_ms,
                                        struct receiver_settings **ret, struct buf *ret_secret,
                                        struct tidings_error *err) TIDINGS_NODISCARD;
// From when on the newest secret signs; 0 = it always has.
int64_t receiver_newest_active_ms(const struct receiver_settings *settings);

// What a dispatcher reads at every turn.
struct receiver_limits {
    struct ladder ladder; // with limit and window
    char ladder_text[RECEIVER_LADDER_SIZE];
    int64_t timeout_ms;
    int64_t in_flight;
    int64_t rate_per_s; // 0 = none
    int64_t burst;
    int64_t breaker_failures; // 0 = none
    int64_t probe_ms;
    int64_t probe_max_ms;
};
const struct receiver_limits *receiver_limits(const struct receiver_settings *settings);
const char *receiver_url(const struct receiver_settings *settings);
// Whether one of its patterns matches.
bool receiver_subscribes(const struct receiver_settings *settings, struct str type);

// ---- one attempt ----
struct receiver_message {
    const char *id;    // "ntf_…": webhook-id, the same for every attempt
    int32_t attempt;   // from 1: header tidings-attempt
    struct str source; // at most 255 bytes each: headers tidings-source, tidings-type,
    struct str type;   // tidings-tx-no, with %XX for what is not visible ASCII
    struct str tx_no;
    struct str content_type; // "" = application/octet-stream
    struct str headers;      // lines "name: value\n", as receiver_headers_add wrote them
    struct str payload;
};
// The request of an attempt: `outgoing` points into it, into `message` and into the settings, which
// it keeps. Zeroed at first; receiver_request_deinit makes it empty again.
struct receiver_request {
    struct http_outgoing outgoing;
    struct http_field fields[HTTP_FIELDS_MAX];
    struct buf room; // of the fields' values
    struct buf body; // of an envelope or a signed form; empty: the payload itself is sent
    struct receiver_settings *settings;
};
tidings_status receiver_request_build(struct receiver_settings *settings,
                                      const struct receiver_message *message, int64_t now_ms,
                                      struct receiver_request *ret,
                                      struct tidings_error *err) TIDINGS_NODISCARD;
void receiver_request_deinit(struct receiver_request *request);
// Whether a whole reply means "taken". When not, `why` says what was wanted and what came (UTF-8).
bool receiver_is_taken(const struct receiver_settings *settings, int status, struct str body,
                       bool truncated, char *why, size_t why_size);

// ---- for one who checks ----
// What the signature of a body (a form, flat JSON, flat XML) would have to be.
struct receiver_right {
    struct buf value; // of `sign`, by the first key; empty when that one only verifies
    struct buf text;  // what is signed, without the secret
};
// Whether the member `sign` fits the others by one of the keys, all of one of the schemes
// params_md5, params_hmac, rsa2. E_PERMISSION or E_INVALID when it does not: then `ret` (may be
// NULL; its buffers are the caller's) has what would be right, as far as there is room.
tidings_status receiver_params_verify(const struct sign_secret *const *keys, size_t count,
                                      enum sign_scheme scheme, struct str content_type,
                                      struct str body, struct receiver_right *ret,
                                      struct tidings_error *err) TIDINGS_NODISCARD;

// ---- header fields that are passed on ----
// Appends one line; E_TOO_LARGE beyond RECEIVER_PASSED_ON_MAX lines or what `lines` has room for;
// E_INVALID for names or values that no header can have, and for names that the
// notifier writes itself (webhook-*, tidings-*, host, content-length, content-type, connection, …).
tidings_status receiver_headers_add(struct buf *lines, struct str name, struct str value,
                                    struct tidings_error *err) TIDINGS_NODISCARD;
// The next line; false at the end.
bool receiver_headers_next(struct str *rest, struct str *ret_name, struct str *ret_value);

#endif
