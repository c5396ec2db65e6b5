// SPDX-License-Identifier: Apache-2.0
#include "client/secure.h"

enum { VERSION_5 = 413 }; // 5.0.0 as RocketMQ numbers its releases

static const char *text_or_null(const tidings_config *config, enum config_key key)
{
    const char *text = config_text(config, key);
    return text[0] != '\0' ? text : NULL;
}

static tidings_status init_tls(struct secure *secure, const tidings_config *config,
                               struct tidings_error *err)
{
    const struct net_tls_client_options options = {
        .ca = text_or_null(config, CONFIG_TLS_CA),
        .certificate = text_or_null(config, CONFIG_TLS_CERTIFICATE),
        .key = text_or_null(config, CONFIG_TLS_KEY),
        .unverified = config_number(config, CONFIG_TLS_VERIFY) == 0,
    };
    return config_number(config, CONFIG_TLS) != 0 ? net_tls_client_new(&options, &secure->tls, err)
                                                  : TIDINGS_OK;
}

static tidings_status init_signer(struct secure *secure, const tidings_config *config,
                                  struct tidings_error *err)
{
    const char *key = text_or_null(config, CONFIG_ACCESS_KEY);
    const char *secret = text_or_null(config, CONFIG_SECRET_KEY);
    const char *token = text_or_null(config, CONFIG_SECURITY_TOKEN);
    if ((key == NULL) != (secret == NULL)) {
        return error_set(err, TIDINGS_E_INVALID,
                         "setting %s: access_key and secret_key belong together",
                         key == NULL ? "secret_key" : "access_key");
    }
    if (key == NULL) {
        return TIDINGS_OK;
    }
    secure->access_key = str_of(key);
    secure->security_token = token != NULL ? str_of(token) : (struct str){ NULL, 0 };
    return sign_key_new(str_of(secret), &secure->secret, err);
}

tidings_status secure_init(struct secure *secure, const tidings_config *config,
                           struct tidings_error *err)
{
    *secure = (struct secure){ 0 };
    tidings_status status = init_tls(secure, config, err);
    if (status == TIDINGS_OK) {
        status = init_signer(secure, config, err);
    }
    if (status != TIDINGS_OK) {
        secure_deinit(secure);
    }
    return status;
}

void secure_deinit(struct secure *secure)
{
    net_tls_free(secure->tls);
    sign_key_free(secure->secret);
    *secure = (struct secure){ 0 };
}

tidings_status secure_sign(const struct secure *secure, int32_t server_version,
                           struct wire_header *header, struct str body, struct signature *ret)
{
    struct sign_field fields[WIRE_EXT_MAX];
    // Servers of version 4 leave _UNIQUE_KEY_QUERY out; those of 5 take it in.
    enum sign_form form =
        server_version > 0 && server_version < VERSION_5 ? SIGN_FORM_NO_UNIQUE : SIGN_FORM_WHOLE;
    ret->fields_before = header->ext_count;
    if (secure->secret == NULL) {
        return TIDINGS_OK;
    }
    tidings_status status = wire_header_add(header, STR("AccessKey"), secure->access_key);
    if (status == TIDINGS_OK && secure->security_token.ptr != NULL) {
        status = wire_header_add(header, STR("SecurityToken"), secure->security_token);
    }
    for (unsigned i = 0; i < header->ext_count; i++) {
        fields[i] = (struct sign_field){ header->ext[i].key, header->ext[i].value };
    }
    if (status == TIDINGS_OK) {
        status = sign_request(secure->secret, form, fields, header->ext_count, body, ret->text);
    }
    return status == TIDINGS_OK ? wire_header_add(header, STR("Signature"), str_of(ret->text))
                                : status;
}
