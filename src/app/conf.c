// SPDX-License-Identifier: Apache-2.0
#include "app/conf.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "app/app.h"
#include "base/log.h"
#include "base/num.h"
#include "ladder/ladder.h"
#include "wire/wire.h"

enum { TEXT_MAX = 4000 };

enum conf_type {
    TYPE_TEXT,
    TYPE_INT,
    TYPE_BOOL,
    TYPE_SIZE,
    TYPE_TIME,
    TYPE_LADDER,
    TYPE_LEVELS,
    TYPE_ADDRESS, // numeric IPv4 or IPv6; empty where that is the default
    TYPE_NAME,    // as of topics
    TYPE_LOG,     // a log level
    TYPE_TLS,     // a TLS mode
};

static bool is_text(enum conf_type type)
{
    return type != TYPE_INT && type != TYPE_BOOL && type != TYPE_SIZE && type != TYPE_TIME;
}

struct row {
    const char *section;
    const char *key;
    const char *flag;
    enum conf_type type;
    size_t offset;
    const char *def;
    int64_t least;
    int64_t greatest;
    const char *text;
};

static const struct row rows[] = {
#define C(section, key, flag, type, member, def, least, greatest, text)                              \
    {                                                                                                \
        #section, #key, flag, TYPE_##type, offsetof(struct conf, member), def, least, greatest, text \
    },
#include "app/conf.def"
#undef C
};

static void *member_of(struct conf *conf, const struct row *row)
{
    return (char *)conf + row->offset;
}

// ---- one value ----
static tidings_status check_address(const struct row *row, const char *value,
                                    struct tidings_error *err)
{
    char address[16];
    if ((value[0] == '\0' && row->def[0] == '\0') || inet_pton(AF_INET, value, address) == 1 ||
        inet_pton(AF_INET6, value, address) == 1) {
        return TIDINGS_OK;
    }
    return error_set(err, TIDINGS_E_INVALID, "\"%s\" is no numeric IPv4 or IPv6 address", value);
}

static tidings_status check_tls_mode(const char *value, struct tidings_error *err)
{
    if (strcmp(value, "permissive") == 0 || strcmp(value, "enforcing") == 0 ||
        strcmp(value, "disabled") == 0) {
        return TIDINGS_OK;
    }
    return error_set(err, TIDINGS_E_INVALID, "\"%s\" must be permissive, enforcing or disabled",
                     value);
}

static tidings_status check_text(const struct row *row, const char *value,
                                 struct tidings_error *err)
{
    struct ladder ladder;
    struct ladder_levels levels;
    enum log_level level;
    switch (row->type) {
    case TYPE_LEVELS: return ladder_levels_parse(str_of(value), &levels, err);
    case TYPE_LADDER: return ladder_parse(str_of(value), &ladder, err);
    case TYPE_ADDRESS: return check_address(row, value, err);
    case TYPE_NAME:
        return wire_name_is_valid(str_of(value), WIRE_TOPIC_MAX)
                   ? TIDINGS_OK
                   : error_set(err, TIDINGS_E_INVALID,
                               "\"%s\" must be 1 to %d of %% | a-z A-Z 0-9 _ -", value,
                               WIRE_TOPIC_MAX);
    case TYPE_LOG:
        return log_level_parse(value, &level)
                   ? TIDINGS_OK
                   : error_set(err, TIDINGS_E_INVALID, "\"%s\" must be error, warn, info or debug",
                               value);
    case TYPE_TLS: return check_tls_mode(value, err);
    default: return TIDINGS_OK;
    }
}

static tidings_status set_text(struct conf *conf, const struct row *row, struct str value,
                               const char *where, struct tidings_error *err)
{
    char **member = member_of(conf, row);
    char *copy = str_dup(value);
    if (copy == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for the configuration");
    }
    struct tidings_error why = { 0 };
    tidings_status status = check_text(row, copy, &why);
    if (strlen(copy) != value.len || value.len > TEXT_MAX) {
        status = error_set(&why, TIDINGS_E_INVALID, "a text has at most %d bytes, none of them NUL",
                           TEXT_MAX);
    }
    if (status != TIDINGS_OK) {
        free(copy);
        return error_set(err, TIDINGS_E_INVALID, "%s: %s.%s: %s", where, row->section, row->key,
                         error_text(&why, status));
    }
    free(*member);
    *member = copy;
    return TIDINGS_OK;
}

static tidings_status set_bool(struct conf *conf, const struct row *row, struct str value,
                               const char *where, struct tidings_error *err)
{
    bool yes = str_eq_c(value, "true") || str_eq_c(value, "yes") || str_eq_c(value, "on");
    bool no = str_eq_c(value, "false") || str_eq_c(value, "no") || str_eq_c(value, "off");
    if (!yes && !no) {
        return error_set(err, TIDINGS_E_INVALID, "%s: %s.%s must be true or false, not \"%.*s\"",
                         where, row->section, row->key, STR_ARG(value));
    }
    *(bool *)member_of(conf, row) = yes;
    return TIDINGS_OK;
}

static tidings_status set_number(struct conf *conf, const struct row *row, struct str value,
                                 const char *where, struct tidings_error *err)
{
    int64_t number = 0;
    bool good = row->type == TYPE_INT    ? num_parse_i64(value, INT64_MIN, INT64_MAX, &number)
                : row->type == TYPE_SIZE ? num_parse_size(value, &number)
                                         : num_parse_duration_ms(value, &number);
    const char *like = row->type == TYPE_INT    ? "a whole number"
                       : row->type == TYPE_SIZE ? "a size like 64M"
                                                : "a time like 30s or 72h";
    if (!good) {
        return error_set(err, TIDINGS_E_INVALID, "%s: %s.%s must be %s, not \"%.*s\"", where,
                         row->section, row->key, like, STR_ARG(value));
    }
    if (number < row->least || number > row->greatest) {
        return error_set(
            err, TIDINGS_E_INVALID, "%s: %s.%s is %.*s, it must be between %lld and %lld%s", where,
            row->section, row->key, STR_ARG(value), (long long)row->least, (long long)row->greatest,
            row->type == TYPE_TIME   ? " ms"
            : row->type == TYPE_SIZE ? " bytes"
                                     : "");
    }
    *(int64_t *)member_of(conf, row) = number;
    return TIDINGS_OK;
}

static tidings_status set_row(struct conf *conf, const struct row *row, struct str value,
                              const char *where, struct tidings_error *err)
{
    if (is_text(row->type)) {
        return set_text(conf, row, value, where, err);
    }
    return row->type == TYPE_BOOL ? set_bool(conf, row, value, where, err)
                                  : set_number(conf, row, value, where, err);
}

bool conf_is_section(struct str section)
{
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        if (str_eq_c(section, rows[i].section)) {
            return true;
        }
    }
    return false;
}

bool conf_is_setting(struct str section, struct str key)
{
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        if (str_eq_c(section, rows[i].section) && str_eq_c(key, rows[i].key)) {
            return true;
        }
    }
    return false;
}

tidings_status conf_set(struct conf *conf, struct str section, struct str key, struct str value,
                        const char *where, struct tidings_error *err)
{
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        if (str_eq_c(section, rows[i].section) && str_eq_c(key, rows[i].key)) {
            return set_row(conf, &rows[i], value, where, err);
        }
    }
    return error_set(err, TIDINGS_E_INVALID,
                     "%s: unknown setting %.*s.%.*s (tidings serve --help lists them)", where,
                     STR_ARG(section), STR_ARG(key));
}

tidings_status conf_add_topic(struct conf *conf, struct str text, const char *where,
                              struct tidings_error *err)
{
    int64_t queues = 4;
    size_t colon = str_find(text, ':', 0);
    struct str name = colon == SIZE_MAX ? text : str_make(text.ptr, colon);
    if (!wire_name_is_valid(name, WIRE_TOPIC_MAX) ||
        (colon != SIZE_MAX &&
         !num_parse_i64(str_make(text.ptr + colon + 1, text.len - colon - 1), 1, 1024, &queues))) {
        return error_set(err, TIDINGS_E_INVALID,
                         "%s: topic must be NAME or NAME:QUEUES, a name of 1 to %d of %% | a-z A-Z "
                         "0-9 _ - and 1 to 1024 queues, not \"%.*s\"",
                         where, WIRE_TOPIC_MAX, STR_ARG(text));
    }
    if (conf->topic_count >= CONF_TOPICS_MAX) {
        return error_set(err, TIDINGS_E_FULL, "%s: more than %d topics", where, CONF_TOPICS_MAX);
    }
    char *copy = str_dup(name);
    if (copy == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for the configuration");
    }
    conf->topics[conf->topic_count++] = (struct conf_topic){ copy, (int)queues };
    return TIDINGS_OK;
}

tidings_status conf_add_document(struct conf_documents *documents, struct str name, struct str json,
                                 const char *where, struct tidings_error *err)
{
    if (documents->count >= CONF_DOCUMENTS_MAX) {
        return error_set(err, TIDINGS_E_FULL, "%s: more than %d of them", where,
                         CONF_DOCUMENTS_MAX);
    }
    struct conf_document *items =
        reallocarray(documents->items, documents->count + 1, sizeof *items);
    if (items == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for the configuration");
    }
    documents->items = items;
    struct conf_document *item = &items[documents->count++];
    *item = (struct conf_document){ str_dup(name), str_dup(json), str_dup(str_of(where)) };
    return item->name != NULL && item->json != NULL && item->where != NULL
               ? TIDINGS_OK
               : error_set(err, TIDINGS_E_NO_MEMORY, "no memory for the configuration");
}

static void free_documents(struct conf_documents *documents)
{
    for (size_t i = 0; i < documents->count; i++) {
        free(documents->items[i].name);
        free(documents->items[i].json);
        free(documents->items[i].where);
    }
    free(documents->items);
}

tidings_status conf_init(struct conf *conf, struct tidings_error *err)
{
    memset(conf, 0, sizeof *conf);
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        tidings_status status = set_row(conf, &rows[i], str_of(rows[i].def), "default", err);
        if (status != TIDINGS_OK) {
            return status;
        }
    }
    return TIDINGS_OK;
}

void conf_deinit(struct conf *conf)
{
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        if (is_text(rows[i].type)) {
            free(*(char **)member_of(conf, &rows[i]));
        }
    }
    for (size_t i = 0; i < conf->topic_count; i++) {
        free(conf->topics[i].name);
    }
    free_documents(&conf->receivers);
    free_documents(&conf->bindings);
    memset(conf, 0, sizeof *conf);
}

// ---- flags ----
static const struct row *find_flag(struct str name)
{
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        if (str_eq_c(name, rows[i].flag)) {
            return &rows[i];
        }
    }
    return NULL;
}

struct flag { // one argument taken apart: --name=value, --name value, --name
    struct str name;
    struct str value; // ptr NULL when there is none
    int used;         // arguments
};

static bool wants_value(struct str name)
{
    const struct row *row = find_flag(name);
    return str_eq_c(name, "config") || str_eq_c(name, "topic") ||
           (row != NULL && row->type != TYPE_BOOL);
}

static tidings_status read_flag(int argc, char **argv, int at, struct flag *ret,
                                struct tidings_error *err)
{
    struct str text = str_of(argv[at]);
    if (!str_starts(text, STR("--"))) {
        return error_set(err, TIDINGS_E_INVALID,
                         "unexpected argument \"%s\" (tidings serve --help)", argv[at]);
    }
    text = str_make(text.ptr + 2, text.len - 2);
    size_t equals = str_find(text, '=', 0);
    *ret = (struct flag){ .name = text, .used = 1 };
    if (equals != SIZE_MAX) {
        ret->name = str_make(text.ptr, equals);
        ret->value = str_make(text.ptr + equals + 1, text.len - equals - 1);
    } else if (wants_value(text)) {
        if (at + 1 >= argc) {
            return error_set(err, TIDINGS_E_INVALID, "%s needs a value", argv[at]);
        }
        ret->value = str_of(argv[at + 1]);
        ret->used = 2;
    }
    return TIDINGS_OK;
}

static tidings_status apply_flag(struct conf *conf, const struct flag *flag,
                                 struct tidings_error *err)
{
    char where[64];
    const struct row *row = find_flag(flag->name);
    int n = snprintf(where, sizeof where, "--%.*s", STR_ARG(flag->name));
    if (n < 0) {
        where[0] = '\0';
    }
    if (row != NULL) {
        return set_row(conf, row, flag->value.ptr != NULL ? flag->value : STR("true"), where, err);
    }
    if (str_eq_c(flag->name, "topic")) {
        return conf_add_topic(conf, flag->value, where, err);
    }
    if (str_eq_c(flag->name, "check-config")) {
        conf->check_only = true;
    } else if (str_eq_c(flag->name, "help")) {
        conf->help = true;
    } else if (!str_eq_c(flag->name, "config")) {
        return error_set(err, TIDINGS_E_INVALID,
                         "unknown flag %s (tidings serve --help lists them)", where);
    }
    return TIDINGS_OK;
}

static tidings_status check(const struct conf *conf, struct tidings_error *err)
{
    if (conf->data[0] == '\0') {
        return error_set(err, TIDINGS_E_INVALID,
                         "no data folder: say --data DIR, or store.data in the configuration");
    }
    if (conf->broker_port != 0 && conf->broker_port < 3) {
        return error_set(
            err, TIDINGS_E_INVALID,
            "listen.broker_port must be 0 or at least 3: the port two below is used too");
    }
    if (conf->segment_size % 4096 != 0) {
        return error_set(err, TIDINGS_E_INVALID, "store.segment_size must be a multiple of 4096");
    }
    if (conf->segment_size < conf->max_message_size * 2) {
        return error_set(
            err, TIDINGS_E_INVALID,
            "store.segment_size (%lld) must be at least twice broker.max_message_size (%lld)",
            (long long)conf->segment_size, (long long)conf->max_message_size);
    }
    if (conf->tls_key[0] != '\0' && conf->tls_certificate[0] == '\0') {
        return error_set(err, TIDINGS_E_INVALID,
                         "tls.key needs tls.certificate, which it belongs to");
    }
    if (conf->tls_client_required && conf->tls_client_ca[0] == '\0') {
        return error_set(err, TIDINGS_E_INVALID,
                         "tls.client_required needs tls.client_ca: whose certificates are good");
    }
    return TIDINGS_OK;
}

// The configuration file first, wherever it stands among the flags.
static tidings_status load_files(struct conf *conf, int argc, char **argv,
                                 struct tidings_error *err)
{
    struct flag flag;
    for (int i = 0; i < argc; i += flag.used) {
        tidings_status status = read_flag(argc, argv, i, &flag, err);
        if (status == TIDINGS_OK && str_eq_c(flag.name, "config")) {
            status = conf_read_file(conf, flag.value.ptr, err);
        }
        if (status != TIDINGS_OK) {
            return status;
        }
    }
    return TIDINGS_OK;
}

tidings_status conf_load(struct conf *conf, int argc, char **argv, struct tidings_error *err)
{
    struct flag flag;
    tidings_status status = load_files(conf, argc, argv, err);
    for (int i = 0; status == TIDINGS_OK && i < argc; i += flag.used) {
        status = read_flag(argc, argv, i, &flag, err);
        if (status == TIDINGS_OK) {
            status = apply_flag(conf, &flag, err);
        }
    }
    return status == TIDINGS_OK && !conf->help ? check(conf, err) : status;
}

// ---- documentation ----
void app_print_settings(FILE *out)
{
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        fprintf(out, "  --%s=%s\n      %s (%s.%s)\n", rows[i].flag, rows[i].def, rows[i].text,
                rows[i].section, rows[i].key);
    }
}

// The largest unit that says it exactly.
static void print_size(FILE *out, int64_t bytes)
{
    static const char units[] = { 'K', 'M', 'G' };
    size_t unit = 0;
    for (; unit < sizeof units && bytes != 0 && bytes % 1024 == 0; unit++) {
        bytes /= 1024;
    }
    fprintf(out, unit > 0 ? "%lld%c" : "%lld", (long long)bytes, units[unit > 0 ? unit - 1 : 0]);
}

static void print_time(FILE *out, int64_t ms)
{
    char text[48];
    size_t len = num_format_duration_ms(text, ms);
    fprintf(out, "%.*s", (int)len, text);
}

static void print_range(FILE *out, const char *what, const struct row *row,
                        void (*print)(FILE *out, int64_t value))
{
    fprintf(out, "%s from ", what);
    print(out, row->least);
    fprintf(out, " to ");
    print(out, row->greatest);
}

static void print_integer(FILE *out, int64_t number)
{
    fprintf(out, "%lld", (long long)number);
}

// What may stand as the value of a setting.
static void print_kind(FILE *out, const struct row *row)
{
    switch (row->type) {
    case TYPE_TEXT: fprintf(out, "text"); break;
    case TYPE_INT: print_range(out, "number", row, print_integer); break;
    case TYPE_BOOL: fprintf(out, "true or false"); break;
    case TYPE_SIZE: print_range(out, "size", row, print_size); break;
    case TYPE_TIME: print_range(out, "time", row, print_time); break;
    case TYPE_LADDER: fprintf(out, "ladder"); break;
    case TYPE_LEVELS: fprintf(out, "delays"); break;
    case TYPE_ADDRESS: fprintf(out, "address"); break;
    case TYPE_NAME: fprintf(out, "name"); break;
    case TYPE_LOG: fprintf(out, "level"); break;
    case TYPE_TLS: fprintf(out, "permissive, enforcing or disabled"); break;
    }
}

void app_print_settings_markdown(FILE *out)
{
    fprintf(out, "| section.key | flag | value | default | what it is |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        fprintf(out, "| `%s.%s` | `--%s` | ", rows[i].section, rows[i].key, rows[i].flag);
        print_kind(out, &rows[i]);
        fprintf(out, " | `%s` | %s |\n", rows[i].def[0] != '\0' ? rows[i].def : " ", rows[i].text);
    }
}
