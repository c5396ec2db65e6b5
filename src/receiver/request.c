// SPDX-License-Identifier: Apache-2.0
// The request of one attempt.
#include "base/num.h"
#include "receiver/member.h"
#include "receiver/private.h"

enum {
    HEX_MAX = 64,
    PART_MAX = 255, // bytes of source, type, tx_no
    // All that is made for fields; reserved at once, so that nothing moves.
    // The key's three parts, each character of them three at most.
    KEY_ROOM = 3 * 3 * PART_MAX,
    ROOM = SIGN_HEADER_MADE_MAX + 2 * (SIGN_PREFIX_MAX + HEX_MAX) + KEY_ROOM + 64,
};

static bool has_field(const struct receiver_request *request, struct str name)
{
    for (size_t i = 0; i < request->outgoing.field_count; i++) {
        if (str_eq_nocase(request->fields[i].name, name)) {
            return true;
        }
    }
    return false;
}

// The first of a name wins.
static tidings_status add_field(struct receiver_request *request, struct str name, struct str value,
                                struct tidings_error *err)
{
    size_t *count = &request->outgoing.field_count;
    if (has_field(request, name)) {
        return TIDINGS_OK;
    }
    if (*count == HTTP_FIELDS_MAX) {
        return error_set(err, TIDINGS_E_TOO_LARGE, "more than %d header fields", HTTP_FIELDS_MAX);
    }
    request->fields[(*count)++] = (struct http_field){ name, value };
    return TIDINGS_OK;
}

static tidings_status add_number(struct receiver_request *request, struct str name, int64_t number,
                                 struct tidings_error *err)
{
    char digits[24];
    size_t at = request->room.len;
    size_t len = num_format_i64(digits, number);
    if (buf_add(&request->room, digits, len) != TIDINGS_OK) {
        return error_set(err, TIDINGS_E_TOO_LARGE, "no room for header fields");
    }
    return add_field(request, name, str_make(request->room.ptr + at, len), err);
}

// What is no visible character of ASCII, and `%` itself, as %XX (RFC 3986, section 2.1).
static tidings_status add_escaped(struct receiver_request *request, struct str name,
                                  struct str text, struct tidings_error *err)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t at = request->room.len;
    char *out;
    if (buf_reserve(&request->room, 3 * text.len, &out) != TIDINGS_OK) {
        return error_set(err, TIDINGS_E_TOO_LARGE, "no room for header fields");
    }
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c > 0x20 && c < 0x7f && c != '%') {
            *out++ = (char)c;
        } else {
            *out++ = '%';
            *out++ = digits[c >> 4];
            *out++ = digits[c & 15];
        }
    }
    request->room.len = (size_t)(out - request->room.ptr);
    return add_field(request, name, str_make(request->room.ptr + at, request->room.len - at), err);
}

// ---- body ----

static bool is_of_params(enum sign_scheme scheme)
{
    return scheme == SIGN_PARAMS_MD5 || scheme == SIGN_PARAMS_HMAC || scheme == SIGN_RSA2;
}

static tidings_status make_body(const struct receiver_settings *settings,
                                const struct receiver_message *message,
                                const struct sign_secret *newest, struct receiver_request *ret,
                                struct tidings_error *err)
{
    tidings_status status = TIDINGS_OK;
    ret->outgoing.body = message->payload;
    if (settings->soap.is_used) {
        status = soap_write(&settings->soap, message, &ret->body, err);
    } else if (newest != NULL && is_of_params(settings->scheme)) {
        status = params_write(newest, settings->scheme, message, &ret->body, err);
    }
    if (ret->body.len > 0) {
        ret->outgoing.body = buf_str(&ret->body);
    }
    return status;
}

// ---- fields ----

static tidings_status add_hex(const struct receiver_settings *settings, struct str name,
                              const struct sign_secret *key, struct receiver_request *ret,
                              struct tidings_error *err)
{
    size_t at = ret->room.len;
    tidings_status status =
        sign_body_hex(key, settings->signature_prefix, ret->outgoing.body, &ret->room, err);
    return status == TIDINGS_OK
               ? add_field(ret, name, str_make(ret->room.ptr + at, ret->room.len - at), err)
               : status;
}

// One header has room for one signature; a second one, when it is wanted, for that by the other
// secret while there are two: who looks at both needs to know either of them.
static tidings_status add_hexes(const struct receiver_settings *settings,
                                const struct sign_secret *key, int64_t now_ms,
                                struct receiver_request *ret, struct tidings_error *err)
{
    const struct sign_secret *other =
        settings->second_header.len > 0 ? secrets_other(settings, now_ms, key) : NULL;
    tidings_status status = add_hex(settings, settings->signature_header, key, ret, err);
    return status == TIDINGS_OK && other != NULL
               ? add_hex(settings, settings->second_header, other, ret, err)
               : status;
}

static tidings_status add_signature(const struct receiver_settings *settings,
                                    const struct receiver_message *message,
                                    const struct sign_secret *const *keys, size_t count,
                                    int64_t now_ms, struct receiver_request *ret,
                                    struct tidings_error *err)
{
    size_t at = ret->room.len;
    if (count == 0 || is_of_params(settings->scheme)) {
        return TIDINGS_OK;
    }
    if (settings->scheme == SIGN_HMAC_HEX) {
        return add_hexes(settings, keys[0], now_ms, ret, err);
    }
    tidings_status status = sign_webhook(keys, count, str_of(message->id), now_ms / 1000,
                                         ret->outgoing.body, &ret->room, err);
    return status == TIDINGS_OK ? add_field(ret, STR("webhook-signature"),
                                            str_make(ret->room.ptr + at, ret->room.len - at), err)
                                : status;
}

static tidings_status add_content(const struct receiver_settings *settings,
                                  const struct receiver_message *message,
                                  struct receiver_request *ret, struct tidings_error *err)
{
    const struct soap *soap = &settings->soap;
    struct str type =
        message->content_type.len > 0 ? message->content_type : STR("application/octet-stream");
    type = soap->is_used ? str_of(soap->content_type) : type;
    tidings_status status = add_field(ret, STR("Content-Type"), type, err);
    if (status == TIDINGS_OK && soap->action != NULL) {
        status = add_field(ret, STR("SOAPAction"), str_of(soap->action), err);
    }
    return status;
}

// By it the receiver sees whether it has applied this before.
static tidings_status add_key(const struct receiver_message *message, struct receiver_request *ret,
                              struct tidings_error *err)
{
    tidings_status status = add_escaped(ret, STR("tidings-source"), message->source, err);
    if (status == TIDINGS_OK) {
        status = add_escaped(ret, STR("tidings-type"), message->type, err);
    }
    return status == TIDINGS_OK ? add_escaped(ret, STR("tidings-tx-no"), message->tx_no, err)
                                : status;
}

static tidings_status add_others(const struct receiver_settings *settings,
                                 const struct receiver_message *message,
                                 struct receiver_request *ret, struct tidings_error *err)
{
    struct str rest = message->headers;
    struct str name;
    struct str value;
    tidings_status status = TIDINGS_OK;
    for (size_t i = 0; i < settings->header_count && status == TIDINGS_OK; i++) {
        status = add_field(ret, settings->headers[i].name, settings->headers[i].value, err);
    }
    while (status == TIDINGS_OK && receiver_headers_next(&rest, &name, &value)) {
        // Whoever wrote the record: what is the notifier's stays the notifier's.
        if (!headers_is_reserved(name) && member_is_token(name) && member_is_field_value(value)) {
            status = add_field(ret, name, value, err);
        }
    }
    return status;
}

static tidings_status add_fields(const struct receiver_settings *settings,
                                 const struct receiver_message *message,
                                 const struct sign_secret *const *keys, size_t count,
                                 int64_t now_ms, struct receiver_request *ret,
                                 struct tidings_error *err)
{
    tidings_status status = add_field(ret, STR("webhook-id"), str_of(message->id), err);
    if (status == TIDINGS_OK) {
        status = add_number(ret, STR("webhook-timestamp"), now_ms / 1000, err);
    }
    if (status == TIDINGS_OK) {
        status = add_signature(settings, message, keys, count, now_ms, ret, err);
    }
    if (status == TIDINGS_OK) {
        status = add_number(ret, STR("tidings-attempt"), message->attempt, err);
    }
    if (status == TIDINGS_OK) {
        status = add_content(settings, message, ret, err);
    }
    if (status == TIDINGS_OK) {
        status = add_key(message, ret, err);
    }
    return status == TIDINGS_OK ? add_others(settings, message, ret, err) : status;
}

// ---- all ----

// Never unsigned where a signature is wanted.
static tidings_status check_keys(const struct receiver_settings *settings, size_t count,
                                 struct tidings_error *err)
{
    if (count > 0 || settings->scheme == SIGN_NONE) {
        return TIDINGS_OK;
    }
    if (settings->secret_count > 0) {
        return error_set(err, TIDINGS_E_STATE,
                         "secrets: all have expired, or sign later; nothing signs now");
    }
    return settings->scheme == SIGN_STANDARD
               ? TIDINGS_OK
               : error_set(err, TIDINGS_E_STATE, "secrets: signature.scheme %s needs one",
                           sign_scheme_name(settings->scheme));
}

static tidings_status build(const struct receiver_settings *settings,
                            const struct receiver_message *message, int64_t now_ms,
                            struct receiver_request *ret, struct tidings_error *err)
{
    const struct sign_secret *keys[SIGN_KEYS_MAX];
    size_t count = secrets_keys(settings, now_ms, keys);
    tidings_status status = check_keys(settings, count, err);
    if (status == TIDINGS_OK && buf_reserve(&ret->room, ROOM, NULL) != TIDINGS_OK) {
        status = error_set(err, TIDINGS_E_NO_MEMORY, "no memory for a request");
    }
    if (status == TIDINGS_OK) {
        status = make_body(settings, message, count > 0 ? keys[0] : NULL, ret, err);
    }
    return status == TIDINGS_OK ? add_fields(settings, message, keys, count, now_ms, ret, err)
                                : status;
}

tidings_status receiver_request_build(struct receiver_settings *settings,
                                      const struct receiver_message *message, int64_t now_ms,
                                      struct receiver_request *ret, struct tidings_error *err)
{
    buf_init(&ret->room, ROOM);
    buf_init(&ret->body, BODY_MAX);
    ret->outgoing = (struct http_outgoing){
        .method = "POST",
        .url = settings->url,
        .fields = ret->fields,
        .deadline_ms = settings->limits.timeout_ms,
        .reply_max = RECEIVER_REPLY_MAX,
        .ca_pem = settings->tls_ca,
        .client_pem = settings->tls_certificate,
        .client_key_pem = settings->tls_key.ptr,
        .basic = settings->basic.ptr,
        .bearer = settings->bearer.ptr,
    };
    ret->settings = receiver_settings_ref(settings);
    tidings_status status = build(settings, message, now_ms, ret, err);
    if (status != TIDINGS_OK) {
        receiver_request_deinit(ret);
    }
    return status;
}

void receiver_request_deinit(struct receiver_request *request)
{
    buf_deinit(&request->room);
    buf_deinit(&request->body);
    receiver_settings_unref(request->settings);
    request->settings = NULL;
    request->outgoing = (struct http_outgoing){ 0 };
}

bool receiver_is_taken(const struct receiver_settings *settings, int status, struct str body,
                       bool truncated, char *why, size_t why_size)
{
    return ack_rule_fits(settings->ack, status, body, truncated, why, why_size);
}
