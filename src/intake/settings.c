// SPDX-License-Identifier: Apache-2.0
// A binding's document: BindingSettings of docs/openapi.yaml.
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "intake/private.h"
#include "receiver/receiver.h"
#include "wire/tree.h"
#include "wire/wire.h"

enum { MEMBERS_TEXT_MAX = 1024 };

struct settings *settings_ref(struct settings *settings)
{
    atomic_fetch_add_explicit(&settings->refs, 1, memory_order_relaxed);
    return settings;
}

void settings_unref(struct settings *settings)
{
    if (settings != NULL &&
        atomic_fetch_sub_explicit(&settings->refs, 1, memory_order_acq_rel) == 1) {
        tidings_config_free(settings->config);
        free(settings->receivers);
        buf_deinit(&settings->room);
        free(settings);
    }
}

// ---- members ----
// Keeps a copy with a NUL behind it. The room never moves: it was made large enough at once.
static tidings_status keep(struct settings *settings, struct str text, struct str *ret)
{
    size_t at = settings->room.len;
    tidings_status status = buf_add_str(&settings->room, text);
    if (status == TIDINGS_OK) {
        status = buf_add(&settings->room, "", 1);
    }
    *ret = str_make(settings->room.ptr + at, text.len);
    return status;
}

static tidings_status take_text(struct settings *settings, const char *name, const json_t *value,
                                struct str *ret, struct tidings_error *err)
{
    struct str text = json_is_string(value)
                          ? str_make(json_string_value(value), json_string_length(value))
                          : (struct str){ 0 };
    if (text.ptr == NULL || text.len > MEMBERS_TEXT_MAX) {
        return error_set(err, TIDINGS_E_INVALID, "%s: a text of at most %d bytes is wanted", name,
                         MEMBERS_TEXT_MAX);
    }
    return keep(settings, text, ret);
}

static tidings_status take_receivers(struct settings *settings, const json_t *value,
                                     struct tidings_error *err)
{
    size_t count = json_array_size(value);
    tidings_status status = TIDINGS_OK;
    if (!json_is_array(value) || count == 0 || count > RECEIVERS_MAX) {
        return error_set(err, TIDINGS_E_INVALID, "receivers: 1 to %d names are wanted",
                         RECEIVERS_MAX);
    }
    settings->receivers = calloc(count, sizeof *settings->receivers);
    if (settings->receivers == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for a binding");
    }
    settings->receiver_count = count;
    for (size_t i = 0; i < count && status == TIDINGS_OK; i++) {
        status = take_text(settings, "receivers", json_array_get(value, i), &settings->receivers[i],
                           err);
        if (status == TIDINGS_OK) {
            status = receiver_name_check(settings->receivers[i], err);
        }
    }
    return status;
}

static tidings_status take_txno(struct settings *settings, const json_t *value,
                                struct tidings_error *err)
{
    struct str text;
    tidings_status status = take_text(settings, "txNo", value, &text, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    if (str_eq_c(text, "key") || str_eq_c(text, "id")) {
        settings->txno_from = str_eq_c(text, "id") ? TXNO_ID : TXNO_KEY;
        return TIDINGS_OK;
    }
    bool property = str_starts(text, STR("property:")) && text.len > 9;
    bool json = str_starts(text, STR("json:/"));
    if (!property && !json) {
        return error_set(err, TIDINGS_E_INVALID,
                         "txNo: \"%.*s\" is neither key, id, property:NAME nor json:/POINTER",
                         STR_ARG(text));
    }
    size_t skip = property ? 9 : 5;
    settings->txno_from = property ? TXNO_PROPERTY : TXNO_JSON;
    settings->txno_name = str_make(text.ptr + skip, text.len - skip);
    return TIDINGS_OK;
}

// ---- the client's settings, secrets among them ----
static tidings_status set_sealed(const struct settings_source *source, tidings_config *config,
                                 const char *name, struct str sealed, struct tidings_error *err)
{
    struct buf plain;
    buf_init(&plain, SEAL_PLAIN_MAX + 1);
    tidings_status status = settings_open(source, sealed, &plain, err);
    if (status == TIDINGS_OK) {
        status = buf_add(&plain, "", 1);
    }
    if (status == TIDINGS_OK) {
        status = tidings_config_set(config, name, plain.ptr, err);
    }
    if (plain.ptr != NULL) {
        explicit_bzero(plain.ptr, plain.len);
    }
    buf_deinit(&plain);
    return status;
}

static tidings_status take_client_setting(const struct settings_source *source,
                                          struct settings *settings, const char *name,
                                          const json_t *value, struct tidings_error *err)
{
    struct tidings_error why = { 0 };
    struct str text = str_make(json_string_value(value), json_string_length(value));
    tidings_status status = TIDINGS_E_INVALID;
    if (json_is_string(value)) {
        status = settings_is_secret(name) && seal_is_sealed(text)
                     ? set_sealed(source, settings->config, name, text, &why)
                     : tidings_config_set(settings->config, name, text.ptr, &why);
    }
    return status == TIDINGS_OK ? status
                                : error_set(err, TIDINGS_E_INVALID, "settings.%.64s: %s", name,
                                            why.text[0] != '\0' ? why.text : "a text is wanted");
}

static tidings_status take_client_settings(const struct settings_source *source,
                                           struct settings *settings, json_t *value,
                                           struct tidings_error *err)
{
    const char *name;
    json_t *one;
    tidings_status status = TIDINGS_OK;
    if (!json_is_object(value)) {
        return error_set(err, TIDINGS_E_INVALID, "settings: an object of texts is wanted");
    }
    json_object_foreach(value, name, one)
    {
        status = take_client_setting(source, settings, name, one, err);
        if (status != TIDINGS_OK) {
            break;
        }
    }
    return status;
}

static tidings_status take_member(const struct settings_source *source, struct settings *settings,
                                  const char *name, json_t *value, struct tidings_error *err)
{
    const struct {
        const char *name;
        struct str *target;
    } texts[] = { { "topic", &settings->topic },
                  { "group", &settings->group },
                  { "tags", &settings->tags },
                  { "nameServers", &settings->name_servers },
                  { "source", &settings->source },
                  { "type", &settings->type },
                  { "contentType", &settings->content_type } };
    for (size_t i = 0; i < BASE_COUNT(texts); i++) {
        if (strcmp(name, texts[i].name) == 0) {
            return take_text(settings, name, value, texts[i].target, err);
        }
    }
    if (strcmp(name, "receivers") == 0) {
        return take_receivers(settings, value, err);
    }
    if (strcmp(name, "txNo") == 0) {
        return take_txno(settings, value, err);
    }
    if (strcmp(name, "settings") == 0) {
        return take_client_settings(source, settings, value, err);
    }
    return error_set(err, TIDINGS_E_INVALID,
                     "\"%.64s\" is no member of a binding: topic, group, tags, nameServers, "
                     "receivers, source, type, txNo, contentType, settings",
                     name);
}

// ---- the whole ----
static tidings_status fill_defaults(struct settings *settings, struct tidings_error *err)
{
    char source[WIRE_TOPIC_MAX + 4];
    tidings_status status = TIDINGS_OK;
    if (!wire_name_is_valid(settings->topic, WIRE_TOPIC_MAX)) {
        return error_set(err, TIDINGS_E_INVALID, "topic: a name of 1 to %d bytes is wanted",
                         WIRE_TOPIC_MAX);
    }
    if (settings->source.len == 0) {
        (void)snprintf(source, sizeof source, "mq:%.*s", STR_ARG(settings->topic));
        status = keep(settings, str_of(source), &settings->source);
    }
    if (status == TIDINGS_OK && settings->content_type.len == 0) {
        settings->content_type = STR("application/json");
    }
    if (status == TIDINGS_OK && settings->tags.len == 0) {
        settings->tags = STR("*");
    }
    if (settings->source.len > RECORD_NAME_MAX || settings->type.len > RECORD_NAME_MAX ||
        settings->content_type.len > RECORD_NAME_MAX) {
        return error_set(err, TIDINGS_E_INVALID, "source, type, contentType: at most %d bytes each",
                         RECORD_NAME_MAX);
    }
    return status;
}

static tidings_status set(struct settings *settings, const char *member, const char *name,
                          const char *value, struct tidings_error *err)
{
    struct tidings_error why = { 0 };
    if (tidings_config_set(settings->config, name, value, &why) != TIDINGS_OK) {
        return error_set(err, TIDINGS_E_INVALID, "%s: %s", member, why.text);
    }
    return TIDINGS_OK;
}

// What many notifications a second need; a binding's own settings stand above it.
static tidings_status preset(const struct settings_source *source, struct settings *settings,
                             struct tidings_error *err)
{
    static const char *const pairs[][2] = { { "from", "first" },
                                            { "threads", "2" },
                                            { "pull_batch", "256" },
                                            { "cache_messages", "1024" } };
    struct str rest = str_of(source->client_settings);
    struct str line;
    char name[64];
    char value[MEMBERS_TEXT_MAX + 1];
    tidings_status status = set(settings, "nameServers", "name_servers", source->name_servers, err);
    for (size_t i = 0; i < BASE_COUNT(pairs) && status == TIDINGS_OK; i++) {
        status = set(settings, "settings", pairs[i][0], pairs[i][1], err);
    }
    while (status == TIDINGS_OK && str_split(&rest, '\n', &line)) {
        size_t equals = str_find(line, '=', 0);
        if (equals != SIZE_MAX && str_copy(name, sizeof name, str_make(line.ptr, equals)) &&
            str_copy(value, sizeof value, str_make(line.ptr + equals + 1, line.len - equals - 1))) {
            status = set(settings, "settings", name, value, err);
        }
    }
    return status;
}

static tidings_status read_members(const struct settings_source *source, struct settings *settings,
                                   json_t *root, struct tidings_error *err)
{
    const char *name;
    json_t *value;
    tidings_status status = TIDINGS_OK;
    if (!json_is_object(root)) {
        return error_set(err, TIDINGS_E_INVALID, "a binding is a JSON object");
    }
    json_object_foreach(root, name, value)
    {
        status = take_member(source, settings, name, value, err);
        if (status != TIDINGS_OK) {
            return status;
        }
    }
    return fill_defaults(settings, err);
}

static tidings_status finish(struct settings *settings, struct tidings_error *err)
{
    struct tidings_error why = { 0 };
    struct wire_tags tags;
    tidings_status status = set(settings, "group", "group", settings->group.ptr, err);
    if (status == TIDINGS_OK && settings->group.len == 0) {
        status = error_set(err, TIDINGS_E_INVALID, "group: a consumer group is wanted");
    }
    if (status == TIDINGS_OK && settings->name_servers.len > 0) {
        status = set(settings, "nameServers", "name_servers", settings->name_servers.ptr, err);
    }
    if (status == TIDINGS_OK && wire_tags_parse(settings->tags, &tags, &why) != TIDINGS_OK) {
        status = error_set(err, TIDINGS_E_INVALID, "tags: %s", why.text);
    }
    return status;
}

tidings_status settings_parse(const struct settings_source *source, struct settings **ret,
                              struct tidings_error *err)
{
    json_t *root = NULL;
    struct str document = source->document;
    *ret = NULL;
    if (document.len > INTAKE_DOCUMENT_MAX) {
        return error_set(err, TIDINGS_E_TOO_LARGE, "a binding of %zu bytes, at most %d",
                         document.len, INTAKE_DOCUMENT_MAX);
    }
    struct settings *settings = calloc(1, sizeof *settings);
    if (settings == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for a binding");
    }
    atomic_init(&settings->refs, 1);
    settings->group = settings->tags = settings->name_servers = STR("");
    settings->source = settings->type = settings->content_type = STR("");
    buf_init(&settings->room, NAMES_TOTAL + document.len);
    settings->config = tidings_config_new();
    tidings_status status = buf_reserve(&settings->room, NAMES_TOTAL + document.len, NULL);
    if (status != TIDINGS_OK || settings->config == NULL) {
        status = error_set(err, TIDINGS_E_NO_MEMORY, "no memory for a binding");
    }
    if (status == TIDINGS_OK) {
        status = wire_tree_parse(document, &root, err);
        status = status == TIDINGS_E_PROTOCOL ? TIDINGS_E_INVALID : status;
    }
    if (status == TIDINGS_OK) {
        status = preset(source, settings, err);
    }
    if (status == TIDINGS_OK) {
        status = read_members(source, settings, root, err);
    }
    if (status == TIDINGS_OK) {
        status = finish(settings, err);
    }
    json_decref(root);
    if (status != TIDINGS_OK) {
        settings_unref(settings);
        return status;
    }
    *ret = settings;
    return TIDINGS_OK;
}
