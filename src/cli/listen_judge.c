// SPDX-License-Identifier: Apache-2.0
// The signature of a delivery, by whichever scheme: good or bad, and what would be right.
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/num.h"
#include "cli/input.h"
#include "cli/listen.h"
#include "receiver/receiver.h"

enum { TEXT_MAX = 16 * 1024 * 1024 };

// ---- options ----
static bool add_key(struct listener *listener, const char *option, struct str text)
{
    struct tidings_error err = { 0 };
    if (listener->key_count == SIGN_KEYS_MAX) {
        fprintf(stderr, "tidings listen: more than %d secrets\n", SIGN_KEYS_MAX);
        return false;
    }
    tidings_status status =
        sign_secret_new(listener->scheme, text, &listener->keys[listener->key_count], &err);
    if (status != TIDINGS_OK) {
        fprintf(stderr, "tidings listen: --%s: %s\n", option, error_text(&err, status));
        return false;
    }
    listener->key_count++;
    return true;
}

static bool add_secret(void *arg, struct str value)
{
    return add_key(arg, "secret", value);
}

static bool add_file(struct listener *listener, const char *option, struct str path)
{
    struct buf text;
    char name[4096];
    if (!str_copy(name, sizeof name, path)) {
        fprintf(stderr, "tidings listen: --%s: the path is too long\n", option);
        return false;
    }
    buf_init(&text, SIGN_PEM_MAX);
    bool good = input_read(listener->cli, name, &text) &&
                add_key(listener, option, str_trim(buf_str(&text)));
    if (text.ptr != NULL) {
        explicit_bzero(text.ptr, text.size);
    }
    buf_deinit(&text);
    return good;
}

static bool add_secret_file(void *arg, struct str value)
{
    return add_file(arg, "secret-file", value);
}

static bool add_public_key(void *arg, struct str value)
{
    return add_file(arg, "public-key", value);
}

static bool only_with(const struct listener *listener, const char *option, enum sign_scheme scheme)
{
    if (listener->scheme == scheme || !cli_switch(listener->cli, option)) {
        return true;
    }
    fprintf(stderr, "tidings listen: --%s belongs to --scheme %s\n", option,
            sign_scheme_name(scheme));
    return false;
}

static bool read_scheme(struct listener *listener)
{
    struct tidings_error err = { 0 };
    const char *name = cli_option(listener->cli, "scheme");
    listener->scheme = SIGN_STANDARD;
    if (name == NULL) {
        return true;
    }
    tidings_status status = sign_scheme_parse(str_of(name), &listener->scheme, &err);
    if (status == TIDINGS_OK && listener->scheme == SIGN_NONE) {
        status = error_set(&err, TIDINGS_E_INVALID, "with none there is nothing to compare");
    }
    if (status != TIDINGS_OK) {
        fprintf(stderr, "tidings listen: --scheme: %s\n", error_text(&err, status));
    }
    return status == TIDINGS_OK;
}

bool listen_judge_options(struct listener *listener)
{
    const struct cli *cli = listener->cli;
    const char *header = cli_option(cli, "signature-header");
    const char *prefix = cli_option(cli, "signature-prefix");
    listener->header = header != NULL ? header : "X-Signature";
    listener->prefix = prefix != NULL ? prefix : "";
    listener->second_header = cli_option(cli, "second-header");
    if (!read_scheme(listener) || !only_with(listener, "signature-header", SIGN_HMAC_HEX) ||
        !only_with(listener, "signature-prefix", SIGN_HMAC_HEX) ||
        !only_with(listener, "second-header", SIGN_HMAC_HEX) ||
        !only_with(listener, "public-key", SIGN_RSA2) ||
        !input_each(cli, "secret", add_secret, listener) ||
        !input_each(cli, "secret-file", add_secret_file, listener) ||
        !input_each(cli, "public-key", add_public_key, listener)) {
        return false;
    }
    if (listener->key_count == 0 && cli_switch(cli, "scheme")) {
        fprintf(stderr, "tidings listen: --scheme wants a secret to compare with: %s\n",
                listener->scheme == SIGN_RSA2 ? "--public-key PATH" : "--secret or --secret-file");
        return false;
    }
    return true;
}

void listen_judge_deinit(struct listener *listener)
{
    for (size_t i = 0; i < listener->key_count; i++) {
        sign_secret_free(listener->keys[i]);
    }
}

// ---- one delivery ----
static struct str field(const struct listen_delivery *delivery, const char *name)
{
    const char *value = http_request_header(delivery->request, name);
    return str_trim(str_of(value != NULL ? value : ""));
}

typedef tidings_status judge(const struct listener *listener, const struct sign_secret *const *keys,
                             struct listen_delivery *delivery, bool *ret_unsigned,
                             struct tidings_error *err);

static void say_right(struct listen_delivery *delivery, const char *name, struct str value)
{
    (void)snprintf(delivery->right, sizeof delivery->right, "%s: %.*s", name, STR_ARG(value));
}

static tidings_status judge_standard(const struct listener *listener,
                                     const struct sign_secret *const *keys,
                                     struct listen_delivery *delivery, bool *ret_unsigned,
                                     struct tidings_error *err)
{
    int64_t now_s = clock_wall_ms(clock_system()) / 1000;
    const struct sign_webhook_headers headers = {
        str_trim(str_of(delivery->id)),
        field(delivery, "webhook-timestamp"),
        field(delivery, "webhook-signature"),
    };
    *ret_unsigned = headers.signature.len == 0;
    tidings_status status =
        sign_webhook_verify(keys, listener->key_count, &headers, now_s,
                            (uint32_t)listener->tolerance_s, delivery->request->body, err);
    int64_t stamp_s;
    // One that is only too old is right as it is.
    if (status == TIDINGS_OK || status == TIDINGS_E_STATE || !sign_secret_can_sign(keys[0]) ||
        !num_parse_i64(headers.timestamp, 0, INT64_MAX, &stamp_s)) {
        return status;
    }
    struct buf right;
    struct tidings_error none = { 0 };
    buf_init(&right, SIGN_HEADER_MADE_MAX);
    if (sign_webhook(keys, 1, headers.id, stamp_s, delivery->request->body, &right, &none) ==
        TIDINGS_OK) {
        say_right(delivery, "webhook-signature", buf_str(&right));
    }
    buf_deinit(&right);
    return status;
}

static tidings_status judge_hex(const struct listener *listener,
                                const struct sign_secret *const *keys,
                                struct listen_delivery *delivery, bool *ret_unsigned,
                                struct tidings_error *err)
{
    struct str prefix = str_of(listener->prefix);
    struct str body = delivery->request->body;
    struct str value = field(delivery, listener->header);
    tidings_status status =
        sign_body_hex_verify(keys, listener->key_count, prefix, body, value, err);
    *ret_unsigned = value.len == 0;
    if (status != TIDINGS_OK && listener->second_header != NULL) {
        struct tidings_error none = { 0 };
        value = field(delivery, listener->second_header);
        if (sign_body_hex_verify(keys, listener->key_count, prefix, body, value, &none) ==
            TIDINGS_OK) {
            return TIDINGS_OK;
        }
    }
    if (status != TIDINGS_OK) {
        struct buf right;
        struct tidings_error none = { 0 };
        buf_init(&right, SIGN_HEADER_MADE_MAX);
        if (sign_body_hex(keys[0], prefix, body, &right, &none) == TIDINGS_OK) {
            say_right(delivery, listener->header, buf_str(&right));
        }
        buf_deinit(&right);
    }
    return status;
}

static tidings_status judge_params(const struct listener *listener,
                                   const struct sign_secret *const *keys,
                                   struct listen_delivery *delivery, bool *ret_unsigned,
                                   struct tidings_error *err)
{
    struct receiver_right right;
    buf_init(&right.value, SIGN_HEADER_MADE_MAX * 2);
    buf_init(&right.text, TEXT_MAX + 1);
    tidings_status status = receiver_params_verify(keys, listener->key_count, listener->scheme,
                                                   field(delivery, "Content-Type"),
                                                   delivery->request->body, &right, err);
    *ret_unsigned = false;
    if (right.value.len > 0) {
        (void)snprintf(delivery->right, sizeof delivery->right, "sign=%.*s over %.*s",
                       STR_ARG(buf_str(&right.value)), STR_ARG(buf_str(&right.text)));
    } else if (right.text.len > 0) {
        (void)snprintf(delivery->right, sizeof delivery->right, "a signature over %.*s",
                       STR_ARG(buf_str(&right.text)));
    }
    buf_deinit(&right.value);
    buf_deinit(&right.text);
    return status;
}

static judge *judge_of(enum sign_scheme scheme)
{
    return scheme == SIGN_STANDARD   ? judge_standard
           : scheme == SIGN_HMAC_HEX ? judge_hex
                                     : judge_params;
}

bool listen_judge(const struct listener *listener, struct listen_delivery *delivery)
{
    struct tidings_error err = { 0 };
    const struct sign_secret *keys[SIGN_KEYS_MAX];
    bool is_unsigned = false;
    if (listener->key_count == 0) {
        is_unsigned = field(delivery, "webhook-signature").len == 0;
        delivery->verdict = is_unsigned ? "unsigned" : "not compared";
        return true;
    }
    for (size_t i = 0; i < listener->key_count; i++) {
        keys[i] = listener->keys[i];
    }
    tidings_status status =
        judge_of(listener->scheme)(listener, keys, delivery, &is_unsigned, &err);
    delivery->verdict = status == TIDINGS_OK ? "good" : is_unsigned ? "unsigned" : "bad";
    if (status != TIDINGS_OK) {
        (void)snprintf(delivery->why, sizeof delivery->why, "%s", error_text(&err, status));
    }
    return status == TIDINGS_OK;
}
