// SPDX-License-Identifier: Apache-2.0
// Members of settings: each has a function that reads it out of the tree.
#include <stdio.h>

#include "http/policy.h"
#include "receiver/member.h"
#include "receiver/private.h"

// ---- numbers ----

struct number {
    const char *name;
    int64_t least;
    int64_t most;
    size_t offset; // in struct receiver_settings
};
#define PLACE(member) offsetof(struct receiver_settings, member)
static const struct number numbers[] = {
    { "attemptLimit", 0, 1000000, PLACE(attempt_limit) },
    { "windowMs", 0, LADDER_WINDOW_LONGEST_MS, PLACE(window_ms) },
    { "timeoutMs", RECEIVER_TIMEOUT_LEAST_MS, RECEIVER_TIMEOUT_MOST_MS, PLACE(limits.timeout_ms) },
    { "inFlight", 1, RECEIVER_IN_FLIGHT_MAX, PLACE(limits.in_flight) },
    { "ratePerSecond", 0, RATE_MAX, PLACE(limits.rate_per_s) },
    { "burst", 0, RATE_MAX, PLACE(limits.burst) },
};
static const struct number breaker_numbers[] = {
    { "failures", 0, 1000000, PLACE(limits.breaker_failures) },
    { "probeMs", 100, 3600000, PLACE(limits.probe_ms) },
    { "probeMaxMs", 100, 86400000, PLACE(limits.probe_max_ms) },
};

static tidings_status read_number(const json_t *value, const char *path,
                                  const struct number *number, struct receiver_settings *ret,
                                  struct tidings_error *err)
{
    int64_t *place = (int64_t *)(void *)((char *)ret + number->offset);
    return value == NULL ? TIDINGS_OK
                         : member_number(value, path, number->least, number->most, place, err);
}

static tidings_status read_numbers(const json_t *root, struct receiver_settings *ret,
                                   struct tidings_error *err)
{
    tidings_status status = TIDINGS_OK;
    for (size_t i = 0; i < BASE_COUNT(numbers) && status == TIDINGS_OK; i++) {
        const char *name = numbers[i].name;
        status = read_number(member_get(root, name), name, &numbers[i], ret, err);
    }
    if (ret->limits.burst == 0) {
        ret->limits.burst = ret->limits.rate_per_s;
    }
    return status;
}

static tidings_status read_breaker(const json_t *root, struct receiver_settings *ret,
                                   struct tidings_error *err)
{
    static const char *const names[] = { "failures", "probeMs", "probeMaxMs" };
    static const char *const paths[] = { "breaker.failures", "breaker.probeMs",
                                         "breaker.probeMaxMs" };
    const json_t *breaker = member_get(root, "breaker");
    struct receiver_limits *limits = &ret->limits;
    if (breaker == NULL) {
        return TIDINGS_OK;
    }
    tidings_status status = member_object(breaker, "breaker", names, BASE_COUNT(names), err);
    for (size_t i = 0; i < BASE_COUNT(names) && status == TIDINGS_OK; i++) {
        status =
            read_number(member_get(breaker, names[i]), paths[i], &breaker_numbers[i], ret, err);
    }
    if (status == TIDINGS_OK && member_get(breaker, "probeMaxMs") == NULL &&
        limits->probe_max_ms < limits->probe_ms) {
        limits->probe_max_ms = limits->probe_ms;
    }
    return status == TIDINGS_OK && limits->probe_max_ms < limits->probe_ms
               ? error_set(err, TIDINGS_E_INVALID,
                           "breaker.probeMaxMs: must not be less than probeMs")
               : status;
}

// ---- the other members ----

static tidings_status read_url(const json_t *root, struct receiver_settings *ret,
                               struct tidings_error *err)
{
    struct tidings_error why = { 0 };
    struct str url = { 0 };
    const json_t *value = member_get(root, "url");
    if (value == NULL) {
        return error_set(err, TIDINGS_E_INVALID, "url: must be given");
    }
    tidings_status status = member_text(value, "url", 1, HTTP_URL_MAX, &url, err);
    if (status == TIDINGS_OK && http_url_check(url, &why) != TIDINGS_OK) {
        status = error_set(err, TIDINGS_E_INVALID, "url: %s", why.text);
    }
    ret->url = url.ptr;
    return status;
}

static tidings_status read_types(const json_t *root, struct receiver_settings *ret,
                                 struct tidings_error *err)
{
    const json_t *list = member_get(root, "types");
    if (list != NULL && (!json_is_array(list) || json_array_size(list) > RECEIVER_TYPES_MAX)) {
        return error_set(err, TIDINGS_E_INVALID,
                         "types: must be an array of at most %d patterns such as \"recharge.*\"",
                         RECEIVER_TYPES_MAX);
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct str *type = &ret->types[ret->type_count++];
        tidings_status status =
            member_text(json_array_get(list, i), "types", 1, RECEIVER_TYPE_MAX, type, err);
        if (status != TIDINGS_OK) {
            return status;
        }
    }
    return TIDINGS_OK;
}

static tidings_status read_ladder(const json_t *root, struct receiver_settings *ret,
                                  struct tidings_error *err)
{
    struct receiver_limits *limits = &ret->limits;
    struct tidings_error why = { 0 };
    struct str text = STR("article");
    struct buf canonical;
    const json_t *value = member_get(root, "ladder");
    tidings_status status = value != NULL
                                ? member_text(value, "ladder", 1, LADDER_TEXT_MAX - 1, &text, err)
                                : TIDINGS_OK;
    if (status != TIDINGS_OK) {
        return status;
    }
    if (ladder_parse(text, &limits->ladder, &why) != TIDINGS_OK) {
        return error_set(err, TIDINGS_E_INVALID, "ladder: %s", why.text);
    }
    limits->ladder.limit = ret->attempt_limit > 0 ? ret->attempt_limit : limits->ladder.limit;
    limits->ladder.window_ms = ret->window_ms > 0 ? ret->window_ms : limits->ladder.window_ms;
    buf_init(&canonical, sizeof limits->ladder_text - 1);
    status = ladder_format(&limits->ladder, &canonical);
    if (status != TIDINGS_OK ||
        !str_copy(limits->ladder_text, sizeof limits->ladder_text, buf_str(&canonical))) {
        status =
            error_set(err, status == TIDINGS_OK ? TIDINGS_E_TOO_LARGE : status, "ladder: too long");
    }
    buf_deinit(&canonical);
    return status;
}

static tidings_status read_header(const char *name, const json_t *value,
                                  struct receiver_settings *ret, struct tidings_error *err)
{
    char path[MEMBER_EXCERPT_SIZE + 16];
    char shown[MEMBER_EXCERPT_SIZE];
    struct str key = str_of(name);
    struct http_field *field = &ret->headers[ret->header_count];
    member_excerpt(key, shown);
    (void)snprintf(path, sizeof path, "headers.%s", shown);
    if (!member_is_token(key) || key.len > HEADER_NAME_MAX || headers_is_reserved(key)) {
        return error_set(err, TIDINGS_E_INVALID,
                         "%s: must be the name of a header that the notifier does not write itself",
                         path);
    }
    tidings_status status = member_text(value, path, 0, HEADER_VALUE_MAX, &field->value, err);
    if (status == TIDINGS_OK && !member_is_field_value(field->value)) {
        status =
            error_set(err, TIDINGS_E_INVALID,
                      "%s: must have no control characters and no white space at its ends", path);
    }
    for (size_t i = 0; i < ret->header_count && status == TIDINGS_OK; i++) {
        if (str_eq_nocase(ret->headers[i].name, key)) {
            status = error_set(err, TIDINGS_E_INVALID, "%s: comes twice", path);
        }
    }
    field->name = key;
    ret->header_count++;
    return status;
}

static tidings_status read_headers(const json_t *root, struct receiver_settings *ret,
                                   struct tidings_error *err)
{
    json_t *headers = member_get(root, "headers");
    tidings_status status = TIDINGS_OK;
    if (headers != NULL &&
        (!json_is_object(headers) || json_object_size(headers) > RECEIVER_HEADERS_MAX)) {
        return error_set(err, TIDINGS_E_INVALID,
                         "headers: must be an object of at most %d names and values",
                         RECEIVER_HEADERS_MAX);
    }
    for (void *at = json_object_iter(headers); at != NULL && status == TIDINGS_OK;
         at = json_object_iter_next(headers, at)) {
        status = read_header(json_object_iter_key(at), json_object_iter_value(at), ret, err);
    }
    return status;
}

static tidings_status read_second_header(const json_t *signature, struct receiver_settings *ret,
                                         struct tidings_error *err)
{
    const json_t *value = member_get(signature, "secondHeader");
    tidings_status status = value != NULL ? member_text(value, "signature.secondHeader", 1,
                                                        HEADER_NAME_MAX, &ret->second_header, err)
                                          : TIDINGS_OK;
    if (status == TIDINGS_OK && value != NULL &&
        (!member_is_token(ret->second_header) || headers_is_reserved(ret->second_header) ||
         str_eq_nocase(ret->second_header, ret->signature_header))) {
        status = error_set(err, TIDINGS_E_INVALID,
                           "signature.secondHeader: must be the name of a header that is neither "
                           "signature.header nor written by the notifier itself");
    }
    return status;
}

static tidings_status read_hex(const json_t *signature, struct receiver_settings *ret,
                               struct tidings_error *err)
{
    const json_t *value = member_get(signature, "header");
    tidings_status status = TIDINGS_OK;
    if (value != NULL) {
        status =
            member_text(value, "signature.header", 1, HEADER_NAME_MAX, &ret->signature_header, err);
    }
    if (status == TIDINGS_OK &&
        (!member_is_token(ret->signature_header) || headers_is_reserved(ret->signature_header))) {
        return error_set(err, TIDINGS_E_INVALID,
                         "signature.header: must be the name of a header that is not written "
                         "otherwise");
    }
    value = member_get(signature, "prefix");
    if (status == TIDINGS_OK && value != NULL) {
        status =
            member_text(value, "signature.prefix", 0, SIGN_PREFIX_MAX, &ret->signature_prefix, err);
    }
    if (status == TIDINGS_OK) {
        status = read_second_header(signature, ret, err);
    }
    for (size_t i = 0; status == TIDINGS_OK && i < ret->signature_prefix.len; i++) {
        char c = ret->signature_prefix.ptr[i];
        if (c <= ' ' || c > '~') {
            status = error_set(err, TIDINGS_E_INVALID,
                               "signature.prefix: must be visible ASCII characters");
        }
    }
    return status;
}

static tidings_status read_signature(const json_t *root, struct receiver_settings *ret,
                                     struct tidings_error *err)
{
    static const char *const names[] = { "scheme", "header", "prefix", "secondHeader" };
    const json_t *signature = member_get(root, "signature");
    const json_t *scheme = member_get(signature, "scheme");
    struct tidings_error why = { 0 };
    struct str text;
    ret->scheme = SIGN_STANDARD;
    if (signature == NULL) {
        return TIDINGS_OK;
    }
    tidings_status status = member_object(signature, "signature", names, BASE_COUNT(names), err);
    if (status == TIDINGS_OK && scheme != NULL) {
        status = member_text(scheme, "signature.scheme", 1, 32, &text, err);
        if (status == TIDINGS_OK && sign_scheme_parse(text, &ret->scheme, &why) != TIDINGS_OK) {
            status = error_set(err, TIDINGS_E_INVALID, "signature.scheme: %s", why.text);
        }
    }
    if (status == TIDINGS_OK && ret->scheme != SIGN_HMAC_HEX &&
        (member_get(signature, "header") != NULL || member_get(signature, "prefix") != NULL ||
         member_get(signature, "secondHeader") != NULL)) {
        status =
            error_set(err, TIDINGS_E_INVALID,
                      "signature: header, prefix and secondHeader belong to the scheme hmac_hex");
    }
    return status == TIDINGS_OK && ret->scheme == SIGN_HMAC_HEX ? read_hex(signature, ret, err)
                                                                : status;
}

static tidings_status read_tls(const json_t *root, struct receiver_settings *ret,
                               struct tidings_error *err)
{
    static const char *const names[] = { "ca", "certificate", "key" };
    const json_t *tls = member_get(root, "tls");
    const json_t *ca = member_get(tls, "ca");
    const json_t *certificate = member_get(tls, "certificate");
    struct str text;
    tidings_status status =
        tls != NULL ? member_object(tls, "tls", names, BASE_COUNT(names), err) : TIDINGS_OK;
    if (status == TIDINGS_OK && ca != NULL) {
        status = member_text(ca, "tls.ca", 1, PEM_MAX, &text, err);
        ret->tls_ca = json_string_value(ca);
    }
    if (status == TIDINGS_OK && certificate != NULL) {
        status = member_text(certificate, "tls.certificate", 1, PEM_MAX, &text, err);
        ret->tls_certificate = json_string_value(certificate);
    }
    return status;
}

static tidings_status read_soap(const json_t *root, struct receiver_settings *ret,
                                struct tidings_error *err)
{
    const json_t *soap = member_get(root, "soap");
    return soap != NULL ? soap_read(soap, &ret->soap, err) : TIDINGS_OK;
}

static tidings_status read_ack(const json_t *root, struct receiver_settings *ret,
                               struct tidings_error *err)
{
    return ack_rule_new(member_get(root, "ack"), ret->soap.is_used, &ret->ack, err);
}

// What only two members together can be wrong about.
static tidings_status check_together(const struct receiver_settings *settings,
                                     struct tidings_error *err)
{
    bool signs_members = settings->scheme == SIGN_PARAMS_MD5 ||
                         settings->scheme == SIGN_PARAMS_HMAC || settings->scheme == SIGN_RSA2;
    if (signs_members && settings->soap.is_used) {
        return error_set(err, TIDINGS_E_INVALID,
                         "signature.scheme: %s signs the members of a payload, not an envelope of "
                         "SOAP: standard or hmac_hex do",
                         sign_scheme_name(settings->scheme));
    }
    for (size_t i = 0; i < settings->header_count; i++) {
        if ((settings->basic.ptr != NULL || settings->bearer.ptr != NULL) &&
            str_eq_nocase(settings->headers[i].name, STR("authorization"))) {
            return error_set(err, TIDINGS_E_INVALID,
                             "headers.authorization: auth writes this header, too");
        }
    }
    return TIDINGS_OK;
}

// ---- all ----

// In this order: ladder needs attemptLimit and windowMs, ack needs soap.
typedef tidings_status read_part(const json_t *root, struct receiver_settings *ret,
                                 struct tidings_error *err);
static read_part *const parts[] = { read_url,     read_types,     read_numbers, read_ladder,
                                    read_headers, read_signature, read_tls,     read_soap,
                                    read_ack,     read_breaker };

static const char *const members[] = {
    "url",      "types",         "ladder", "attemptLimit", "windowMs", "timeoutMs",
    "inFlight", "ratePerSecond", "burst",  "headers",      "ack",      "signature",
    "secrets",  "auth",          "tls",    "soap",         "breaker",
};

tidings_status settings_fill(json_t *root, const struct source *source,
                             struct receiver_settings *ret, struct tidings_error *err)
{
    tidings_status status = member_object(root, "", members, BASE_COUNT(members), err);
    for (size_t i = 0; i < BASE_COUNT(parts) && status == TIDINGS_OK; i++) {
        status = parts[i](root, ret, err);
    }
    if (status == TIDINGS_OK) {
        status = secrets_read(root, source, ret, err);
    }
    if (status == TIDINGS_OK) {
        status = tls_check(ret, err);
    }
    return status == TIDINGS_OK ? check_together(ret, err) : status;
}
