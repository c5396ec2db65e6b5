// SPDX-License-Identifier: Apache-2.0
#include "client/config.h"

#include <stdlib.h>

#include "base/num.h"
#include "ladder/ladder.h"
#include "wire/wire.h"

// Reads a value; false when malformed. Numbers are checked against the row's range afterwards.
typedef bool parse_value(struct str text, int64_t *ret_number);

static bool parse_text(struct str text, int64_t *ret)
{
    *ret = (int64_t)text.len;
    return true;
}

static bool parse_switch(struct str text, int64_t *ret)
{
    *ret = str_eq_c(text, "on");
    return *ret != 0 || str_eq_c(text, "off");
}

static bool parse_servers(struct str text, int64_t *ret)
{
    struct str piece;
    char host[256];
    int port;
    int64_t count = 0;
    *ret = (int64_t)text.len;
    while (str_split(&text, ';', &piece)) {
        piece = str_trim(piece);
        if (piece.len == 0) {
            continue;
        }
        if (!config_parse_address(piece, host, sizeof host, &port)) {
            return false;
        }
        count++;
    }
    return count > 0 && count <= 16;
}

static bool parse_group(struct str text, int64_t *ret)
{
    *ret = (int64_t)text.len;
    return wire_name_is_valid(text, WIRE_GROUP_MAX);
}

static bool parse_topics(struct str text, int64_t *ret)
{
    struct str piece;
    *ret = (int64_t)text.len;
    while (str_split(&text, ';', &piece)) {
        piece = str_trim(piece);
        if (piece.len > 0 && !wire_name_is_valid(piece, WIRE_TOPIC_MAX)) {
            return false;
        }
    }
    return true;
}

// A bare number is milliseconds here.
static bool parse_duration(struct str text, int64_t *ret)
{
    return num_parse_i64(text, 0, INT64_MAX, ret) || num_parse_duration_ms(text, ret);
}

static bool parse_number(struct str text, int64_t *ret)
{
    return num_parse_i64(text, INT64_MIN, INT64_MAX, ret);
}

static bool parse_model(struct str text, int64_t *ret)
{
    *ret = str_eq_c(text, "broadcasting") ? CONFIG_BROADCASTING : 0;
    return *ret != 0 || str_eq_c(text, "clustering");
}

static bool parse_from(struct str text, int64_t *ret)
{
    if (str_eq_c(text, "last") || str_eq_c(text, "first")) {
        *ret = text.ptr[0] == 'l' ? CONFIG_FROM_LAST : CONFIG_FROM_FIRST;
        return true;
    }
    return num_parse_i64(text, 0, INT64_MAX, ret);
}

static bool parse_ladder(struct str text, int64_t *ret)
{
    struct ladder ladder;
    *ret = (int64_t)text.len;
    return text.len == 0 || ladder_parse(text, &ladder, NULL) == TIDINGS_OK;
}

static bool parse_levels(struct str text, int64_t *ret)
{
    struct ladder_levels levels;
    *ret = (int64_t)text.len;
    return ladder_levels_parse(text, &levels, NULL) == TIDINGS_OK;
}

enum kind {
    KIND_TEXT,
    KIND_SECRET, // a text that no message and no getter shows
    KIND_SWITCH,
    KIND_SERVERS,
    KIND_GROUP,
    KIND_TOPICS,
    KIND_DURATION,
    KIND_SIZE,
    KIND_NUMBER,
    KIND_MODEL,
    KIND_FROM,
    KIND_LADDER,
    KIND_LEVELS,
};

static const struct {
    parse_value *parse;
    const char *right; // what would be right
} kinds[] = {
    [KIND_TEXT] = { parse_text, "a text" },
    [KIND_SECRET] = { parse_text, "a text" },
    [KIND_SWITCH] = { parse_switch, "on or off" },
    [KIND_SERVERS] = { parse_servers, "\"host:port\" or up to 16 of them with ; between" },
    [KIND_GROUP] = { parse_group, "1 to 255 of % | a-z A-Z 0-9 _ -" },
    [KIND_TOPICS] = { parse_topics, "topic names with ; between" },
    [KIND_DURATION] = { parse_duration, "a time like 3s, 5m or a number of milliseconds" },
    [KIND_SIZE] = { num_parse_size, "a size like 64M or a number of bytes" },
    [KIND_NUMBER] = { parse_number, "a whole number" },
    [KIND_MODEL] = { parse_model, "clustering or broadcasting" },
    [KIND_FROM] = { parse_from, "last, first or a time in ms since 1970" },
    [KIND_LADDER] = { parse_ladder, "a ladder like \"1m 5m 10m\" or a preset like article" },
    [KIND_LEVELS] = { parse_levels, "delays like \"1s 5s 10s\"" },
};

static const struct config_row {
    const char *name;
    const char *fallback;
    const char *text;
    int64_t least;
    int64_t greatest;
    enum kind kind;
} rows[] = {
#define X(ident, kind, name, def, least, greatest, doc)                                            \
    [CONFIG_##ident] = { name, def, doc, least, greatest, KIND_##kind },
#include "client/config.def"
#undef X
};

static void forget(struct config_value *value, enum kind kind)
{
    if (kind == KIND_SECRET && value->text != NULL) {
        explicit_bzero(value->text, strlen(value->text));
    }
    free(value->text);
    value->text = NULL;
}

bool config_parse_address(struct str text, char *host, size_t host_size, int *ret_port)
{
    size_t colon = text.len;
    int64_t port;
    while (colon > 0 && text.ptr[colon - 1] != ':') {
        colon--;
    }
    if (colon < 2 ||
        !num_parse_i64(str_make(text.ptr + colon, text.len - colon), 1, 65535, &port)) {
        return false;
    }
    struct str name = str_make(text.ptr, colon - 1);
    if (name.len > 2 && name.ptr[0] == '[' && name.ptr[name.len - 1] == ']') {
        name = str_make(name.ptr + 1, name.len - 2);
    }
    *ret_port = (int)port;
    return name.len > 0 && str_find(name, ' ', 0) == SIZE_MAX && str_copy(host, host_size, name);
}

static size_t find_row(const char *name)
{
    for (size_t i = 0; name != NULL && i < CONFIG_COUNT; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            return i;
        }
    }
    return CONFIG_COUNT;
}

static tidings_status check(const struct config_row *row, struct str value, int64_t *ret_number,
                            struct tidings_error *err)
{
    if (!kinds[row->kind].parse(value, ret_number)) {
        return error_set(err, TIDINGS_E_INVALID, "setting %s: \"%.*s\" is not %s", row->name,
                         STR_ARG(value), kinds[row->kind].right);
    }
    bool in_range = *ret_number >= row->least && *ret_number <= row->greatest;
    if (!in_range && row->kind == KIND_SECRET) {
        return error_set(err, TIDINGS_E_INVALID, "setting %s: has more than %lld bytes", row->name,
                         (long long)row->greatest);
    }
    if (!in_range) {
        return error_set(err, TIDINGS_E_INVALID,
                         "setting %s: \"%.*s\" is not between %lld and %lld", row->name,
                         STR_ARG(value), (long long)row->least, (long long)row->greatest);
    }
    return TIDINGS_OK;
}

tidings_config *tidings_config_new(void)
{
    tidings_config *config = calloc(1, sizeof *config);
    for (size_t i = 0; config != NULL && i < CONFIG_COUNT; i++) {
        struct str fallback = str_of(rows[i].fallback);
        config->values[i].text = str_dup(fallback);
        if (config->values[i].text == NULL) {
            tidings_config_free(config);
            return NULL;
        }
        (void)kinds[rows[i].kind].parse(fallback, &config->values[i].number);
    }
    return config;
}

void tidings_config_free(tidings_config *config)
{
    for (size_t i = 0; config != NULL && i < CONFIG_COUNT; i++) {
        forget(&config->values[i], rows[i].kind);
    }
    free(config);
}

tidings_config *config_copy(const tidings_config *config)
{
    tidings_config *copy = calloc(1, sizeof *copy);
    for (size_t i = 0; copy != NULL && i < CONFIG_COUNT; i++) {
        copy->values[i].number = config->values[i].number;
        copy->values[i].text = str_dup(str_of(config->values[i].text));
        if (copy->values[i].text == NULL) {
            tidings_config_free(copy);
            return NULL;
        }
    }
    return copy;
}

tidings_status tidings_config_set(tidings_config *config, const char *name, const char *value,
                                  struct tidings_error *err)
{
    int64_t number;
    size_t index = find_row(name);
    if (index == CONFIG_COUNT || value == NULL) {
        return error_set(err, TIDINGS_E_INVALID,
                         "there is no setting \"%s\"; tidings_config_describe names them all",
                         name != NULL ? name : "");
    }
    tidings_status status = check(&rows[index], str_of(value), &number, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    char *copy = str_dup(str_of(value));
    if (copy == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "setting %s: out of memory", name);
    }
    forget(&config->values[index], rows[index].kind);
    config->values[index] = (struct config_value){ copy, number };
    return TIDINGS_OK;
}

tidings_status tidings_config_get(const tidings_config *config, const char *name, char *out,
                                  size_t size)
{
    size_t index = find_row(name);
    if (index == CONFIG_COUNT || size == 0) {
        return TIDINGS_E_INVALID;
    }
    bool hidden = rows[index].kind == KIND_SECRET && config->values[index].number > 0;
    struct str value = hidden ? STR("(secret)") : str_of(config->values[index].text);
    value.len = value.len < size ? value.len : size - 1;
    (void)str_copy(out, size, value);
    return TIDINGS_OK;
}

int tidings_config_describe(size_t index, const char **ret_name, const char **ret_default,
                            const char **ret_text)
{
    if (index >= CONFIG_COUNT) {
        return 0;
    }
    *ret_name = rows[index].name;
    *ret_default = rows[index].fallback;
    *ret_text = rows[index].text;
    return 1;
}
