// SPDX-License-Identifier: Apache-2.0
// Signs the members of a payload and puts `sign` behind them; all other bytes stay what they are.
#include "receiver/params.h"

#include <stdlib.h>

#include "receiver/member.h"
#include "receiver/private.h"

enum { SIGN_VALUE_MAX = SIGN_RSA_BITS_MAX / 8 * 4 / 3 + 8 };

tidings_status params_add(struct params *params, struct str name, struct str value,
                          struct tidings_error *err)
{
    if (params->count == SIGN_PARAMS_MAX) {
        return error_set(err, TIDINGS_E_INVALID,
                         "payload: more than %d members, which cannot be signed", SIGN_PARAMS_MAX);
    }
    params->items[params->count++] = (struct sign_param){ name, value };
    return TIDINGS_OK;
}

// ---- which form ----

static bool ends_with(struct str text, const char *end)
{
    size_t len = strlen(end);
    return text.len >= len && str_eq_nocase(str_make(text.ptr + text.len - len, len), str_of(end));
}

static tidings_status tell_form(struct str type, struct str payload, enum params_form *ret,
                                struct tidings_error *err)
{
    char shown[MEMBER_EXCERPT_SIZE];
    size_t parameters = str_find(type, ';', 0);
    struct str begin = str_trim(payload);
    type = str_trim(str_make(type.ptr, parameters == SIZE_MAX ? type.len : parameters));
    if (str_eq_nocase(type, STR("application/x-www-form-urlencoded"))) {
        *ret = PARAMS_FORM;
    } else if (ends_with(type, "/json") || ends_with(type, "+json")) {
        *ret = PARAMS_JSON;
    } else if (ends_with(type, "/xml") || ends_with(type, "+xml")) {
        *ret = PARAMS_XML;
    } else if (begin.len > 0 && (begin.ptr[0] == '{' || begin.ptr[0] == '<')) {
        *ret = begin.ptr[0] == '{' ? PARAMS_JSON : PARAMS_XML; // the type says nothing
    } else {
        member_excerpt(type, shown);
        return error_set(err, TIDINGS_E_INVALID,
                         "payload: its members are to be signed, which only a form "
                         "(application/x-www-form-urlencoded), JSON and XML have, not \"%s\"",
                         shown);
    }
    return TIDINGS_OK;
}

// ---- what is put in ----

static tidings_status add_encoded(struct str text, struct buf *out)
{
    tidings_status status = TIDINGS_OK;
    for (size_t i = 0; i < text.len && status == TIDINGS_OK; i++) {
        char c = text.ptr[i];
        bool plain = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
        status = plain ? buf_add(out, &c, 1) : buf_addf(out, "%%%02X", (unsigned)(unsigned char)c);
    }
    return status;
}

// Values are hex or base64 and names our own: only a form must write any of it otherwise.
static tidings_status add_member(enum params_form form, struct str before, const char *name,
                                 struct str value, struct buf *out)
{
    if (form == PARAMS_JSON) {
        return buf_addf(out, ",\"%s\":\"%.*s\"", name, STR_ARG(value));
    }
    if (form == PARAMS_XML) {
        return buf_addf(out, "<%s>%.*s</%s>", name, STR_ARG(value), name);
    }
    bool is_separated = before.len > 0 && before.ptr[before.len - 1] == '&';
    tidings_status status = buf_addf(out, "%s%s=", is_separated ? "" : "&", name);
    return status == TIDINGS_OK ? add_encoded(value, out) : status;
}

static tidings_status put_in(enum params_form form, struct str payload, size_t insert,
                             bool with_type, struct str sign, struct buf *out)
{
    struct str before = str_make(payload.ptr, insert);
    tidings_status status = buf_reserve(out, payload.len + 3 * sign.len + 64, NULL);
    status = status == TIDINGS_OK ? buf_add_str(out, before) : status;
    if (status == TIDINGS_OK && with_type) {
        status = add_member(form, before, "sign_type", STR("RSA2"), out);
    }
    if (status == TIDINGS_OK) {
        status = add_member(form, with_type ? STR("") : before, "sign", sign, out);
    }
    return status == TIDINGS_OK ? buf_add(out, payload.ptr + insert, payload.len - insert) : status;
}

// ---- all ----

// A member that we are to put in must not be there.
static tidings_status check_free(const struct params *params, enum sign_scheme scheme,
                                 bool *ret_with_type, struct tidings_error *err)
{
    *ret_with_type = scheme == SIGN_RSA2;
    for (size_t i = 0; i < params->count; i++) {
        const struct sign_param *param = &params->items[i];
        if (str_eq(param->name, STR("sign"))) {
            return error_set(err, TIDINGS_E_INVALID, "payload: has a member \"sign\" of its own");
        }
        if (scheme == SIGN_RSA2 && str_eq(param->name, STR("sign_type"))) {
            if (!str_eq(param->value, STR("RSA2"))) {
                return error_set(err, TIDINGS_E_INVALID,
                                 "payload: its member \"sign_type\" is not RSA2");
            }
            *ret_with_type = false;
        }
    }
    return TIDINGS_OK;
}

static tidings_status write_signed(const struct sign_secret *key, enum sign_scheme scheme,
                                   enum params_form form, struct str payload,
                                   const struct params *params, struct buf *out,
                                   struct tidings_error *err)
{
    struct tidings_error why = { 0 };
    struct buf sign;
    bool with_type;
    tidings_status status = check_free(params, scheme, &with_type, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    buf_init(&sign, SIGN_VALUE_MAX);
    status = sign_params(key, params->items, params->count, &sign, &why);
    if (status != TIDINGS_OK) {
        (void)error_set(err, status, "payload: %s", why.text);
    } else {
        status = put_in(form, payload, params->insert, with_type, buf_str(&sign), out);
        if (status != TIDINGS_OK) {
            (void)error_set(err, status, "payload: no room for it with its signature");
        }
    }
    buf_deinit(&sign);
    return status;
}

// Reads the members; *ret is freed by the caller with params_free.
static tidings_status read_params(struct str type, struct str payload, enum params_form *ret_form,
                                  struct params **ret, struct tidings_error *err)
{
    static tidings_status (*const read[])(struct str, struct params *, struct tidings_error *) = {
        [PARAMS_FORM] = params_read_form,
        [PARAMS_JSON] = params_read_json,
        [PARAMS_XML] = params_read_xml,
    };
    *ret = NULL;
    tidings_status status = tell_form(type, payload, ret_form, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    struct params *params = calloc(1, sizeof *params);
    if (params == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for the members of a payload");
    }
    *ret = params;
    buf_init(&params->room, payload.len + 1);
    if (buf_reserve(&params->room, payload.len + 1, NULL) != TIDINGS_OK) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for the members of a payload");
    }
    return read[*ret_form](payload, params, err);
}

static void params_free(struct params *params)
{
    if (params != NULL) {
        buf_deinit(&params->room);
        free(params);
    }
}

tidings_status params_write(const struct sign_secret *key, enum sign_scheme scheme,
                            const struct receiver_message *message, struct buf *out,
                            struct tidings_error *err)
{
    enum params_form form = PARAMS_FORM;
    struct params *params;
    tidings_status status =
        read_params(message->content_type, message->payload, &form, &params, err);
    if (status == TIDINGS_OK) {
        status = write_signed(key, scheme, form, message->payload, params, out, err);
    }
    params_free(params);
    return status;
}

// ---- for one who checks ----

// What of it cannot be made is left out: it explains an error, and is none itself.
static void tell_right(const struct sign_secret *key, enum sign_scheme scheme,
                       const struct params *params, struct receiver_right *ret)
{
    struct tidings_error why = { 0 };
    if (sign_secret_can_sign(key) &&
        sign_params(key, params->items, params->count, &ret->value, &why) != TIDINGS_OK) {
        buf_clear(&ret->value);
    }
    if (sign_params_text(scheme, params->items, params->count, &ret->text, &why) != TIDINGS_OK) {
        buf_clear(&ret->text);
    }
}

tidings_status receiver_params_verify(const struct sign_secret *const *keys, size_t count,
                                      enum sign_scheme scheme, struct str content_type,
                                      struct str body, struct receiver_right *ret,
                                      struct tidings_error *err)
{
    enum params_form form;
    struct params *params;
    tidings_status status = read_params(content_type, body, &form, &params, err);
    if (status == TIDINGS_OK) {
        status = sign_params_verify(keys, count, params->items, params->count, err);
        if (ret != NULL && (status == TIDINGS_E_PERMISSION || status == TIDINGS_E_INVALID)) {
            tell_right(keys[0], scheme, params, ret);
        }
    }
    params_free(params);
    return status;
}
