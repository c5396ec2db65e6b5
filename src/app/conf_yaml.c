// SPDX-License-Identifier: Apache-2.0
// tidings.yaml through libcyaml's schema tables. The schema takes every value as text; conf_set
// gives it its type.
#include <cyaml/cyaml.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "app/conf.h"

enum { FILE_MAX_BYTES = 1024 * 1024 };

// What libcyaml fills in: sections of keys with text values, and broker.topics as a list.
struct yaml_listen {
    char *host, *namesrv_port, *broker_port, *http_port, *advertise, *connections;
};
struct yaml_store {
    char *data, *segment_size, *retention_time, *retention_size, *disk_reserve;
};
struct yaml_broker {
    char *cluster, *name, *message_delay_level, *retry_ladder, *retry_window, *retry_limit,
        *auto_create_topics, *default_queues, *max_message_size, *acl_file, *transaction_checks,
        *transaction_check_max, *delay_max;
    char **topics;
    unsigned topics_count;
};
struct yaml_log {
    char *level;
};
struct yaml_root {
    struct yaml_listen *listen;
    struct yaml_store *store;
    struct yaml_broker *broker;
    struct yaml_log *log;
};

#define KEY(section, key)                                                                          \
    CYAML_FIELD_STRING_PTR(#key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct yaml_##section,  \
                           key, 0, 2048)

static const cyaml_schema_value_t topic_schema = { CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1,
                                                                      256) };

static const cyaml_schema_field_t listen_fields[] = {
    KEY(listen, host),      KEY(listen, namesrv_port), KEY(listen, broker_port),
    KEY(listen, http_port), KEY(listen, advertise),    KEY(listen, connections),
    CYAML_FIELD_END
};
static const cyaml_schema_field_t store_fields[] = {
    KEY(store, data),           KEY(store, segment_size), KEY(store, retention_time),
    KEY(store, retention_size), KEY(store, disk_reserve), CYAML_FIELD_END
};
static const cyaml_schema_field_t broker_fields[] = {
    KEY(broker, cluster),
    KEY(broker, name),
    KEY(broker, message_delay_level),
    KEY(broker, retry_ladder),
    KEY(broker, retry_window),
    KEY(broker, retry_limit),
    KEY(broker, auto_create_topics),
    KEY(broker, default_queues),
    KEY(broker, max_message_size),
    KEY(broker, acl_file),
    KEY(broker, transaction_checks),
    KEY(broker, transaction_check_max),
    KEY(broker, delay_max),
    CYAML_FIELD_SEQUENCE("topics", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct yaml_broker,
                         topics, &topic_schema, 0, CONF_TOPICS_MAX),
    CYAML_FIELD_END
};
static const cyaml_schema_field_t log_fields[] = { KEY(log, level), CYAML_FIELD_END };

#define SECTION(name)                                                                              \
    CYAML_FIELD_MAPPING_PTR(#name, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct yaml_root,     \
                            name, name##_fields)
static const cyaml_schema_field_t root_fields[] = { SECTION(listen), SECTION(store),
                                                    SECTION(broker), SECTION(log),
                                                    CYAML_FIELD_END };
static const cyaml_schema_value_t root_schema = { CYAML_VALUE_MAPPING(
    CYAML_FLAG_POINTER, struct yaml_root, root_fields) };

// libcyaml tells what is wrong in several log lines; they are joined to one.
static void collect(cyaml_log_t level, void *ctx, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

static void collect(cyaml_log_t level, void *ctx, const char *format, va_list args)
{
    char line[256];
    struct buf *text = ctx;
    (void)level;
    int n = vsnprintf(line, sizeof line, format, args);
    if (n <= 0) {
        return;
    }
    struct str trimmed = str_trim(str_of(line));
    if (text->len > 0 && buf_add(text, "; ", 2) != TIDINGS_OK) {
        return;
    }
    if (buf_add_str(text, trimmed) != TIDINGS_OK) {
        return; // full: what is there is enough
    }
}

// Line of `key:` inside `section:`, for errors about values; 0 when it cannot be told.
static int find_line(struct str text, const char *section, const char *key)
{
    struct str line;
    struct str name;
    bool inside = false;
    for (int number = 1; str_split(&text, '\n', &line); number++) {
        struct str rest = line;
        if (!str_split(&rest, ':', &name)) {
            continue;
        }
        if (line.len > 0 && line.ptr[0] != ' ' && line.ptr[0] != '#') {
            inside = str_eq_c(str_trim(name), section);
        } else if (inside && str_eq_c(str_trim(name), key)) {
            return number;
        }
    }
    return 0;
}

struct reading {
    struct conf *conf;
    const char *name;
    struct str text;
    struct tidings_error *err;
    tidings_status status;
};

static void where_text(const struct reading *reading, const char *section, const char *key,
                       char *out, size_t size)
{
    int n =
        snprintf(out, size, "%s line %d", reading->name, find_line(reading->text, section, key));
    if (n < 0) {
        out[0] = '\0';
    }
}

static void take(struct reading *reading, const char *section, const char *key, const char *value)
{
    char where[512];
    if (reading->status != TIDINGS_OK || value == NULL) {
        return;
    }
    where_text(reading, section, key, where, sizeof where);
    reading->status =
        conf_set(reading->conf, str_of(section), str_of(key), str_of(value), where, reading->err);
}

static void take_topics(struct reading *reading, const struct yaml_broker *broker)
{
    char where[512];
    where_text(reading, "broker", "topics", where, sizeof where);
    for (unsigned i = 0; i < broker->topics_count && reading->status == TIDINGS_OK; i++) {
        reading->status =
            conf_add_topic(reading->conf, str_of(broker->topics[i]), where, reading->err);
    }
}

#define TAKE(section, key) take(reading, #section, #key, root->section->key)
static void take_all(struct reading *reading, const struct yaml_root *root)
{
    if (root->listen != NULL) {
        TAKE(listen, host);
        TAKE(listen, namesrv_port);
        TAKE(listen, broker_port);
        TAKE(listen, http_port);
        TAKE(listen, advertise);
        TAKE(listen, connections);
    }
    if (root->store != NULL) {
        TAKE(store, data);
        TAKE(store, segment_size);
        TAKE(store, retention_time);
        TAKE(store, retention_size);
        TAKE(store, disk_reserve);
    }
    if (root->broker != NULL) {
        TAKE(broker, cluster);
        TAKE(broker, name);
        TAKE(broker, message_delay_level);
        TAKE(broker, retry_ladder);
        TAKE(broker, retry_window);
        TAKE(broker, retry_limit);
        TAKE(broker, auto_create_topics);
        TAKE(broker, default_queues);
        TAKE(broker, max_message_size);
        TAKE(broker, acl_file);
        TAKE(broker, transaction_checks);
        TAKE(broker, transaction_check_max);
        TAKE(broker, delay_max);
        take_topics(reading, root->broker);
    }
    if (root->log != NULL) {
        TAKE(log, level);
    }
}

tidings_status conf_read_text(struct conf *conf, const char *name, struct str text,
                              struct tidings_error *err)
{
    struct buf said;
    struct yaml_root *root = NULL;
    buf_init(&said, 200);
    const cyaml_config_t config = { .log_fn = collect,
                                    .log_ctx = &said,
                                    .mem_fn = cyaml_mem,
                                    .log_level = CYAML_LOG_ERROR,
                                    .flags = CYAML_CFG_DEFAULT };
    struct reading reading = { conf, name, text, err, TIDINGS_OK };
    if (str_trim(text).len == 0) {
        return TIDINGS_OK; // an empty file changes nothing
    }
    cyaml_err_t result = cyaml_load_data((const uint8_t *)text.ptr, text.len, &config, &root_schema,
                                         (cyaml_data_t **)&root, NULL);
    if (result == CYAML_OK) {
        take_all(&reading, root);
    } else {
        reading.status = error_set(err, TIDINGS_E_INVALID, "%s: %s: %.*s", name,
                                   cyaml_strerror(result), STR_ARG(buf_str(&said)));
    }
    if (root != NULL && cyaml_free(&config, &root_schema, root, 0) != CYAML_OK &&
        reading.status == TIDINGS_OK) {
        reading.status = error_set(err, TIDINGS_E_INTERNAL, "%s: cannot be released", name);
    }
    buf_deinit(&said);
    return reading.status;
}

tidings_status conf_read_file(struct conf *conf, const char *path, struct tidings_error *err)
{
    struct buf text;
    char *room;
    size_t got = 1;
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return error_set_errno(err, TIDINGS_E_NOT_FOUND, errno, "cannot read the configuration %s",
                               path);
    }
    buf_init(&text, FILE_MAX_BYTES);
    tidings_status status = TIDINGS_OK;
    while (status == TIDINGS_OK && got > 0) {
        status = buf_reserve(&text, 4096, &room);
        if (status == TIDINGS_OK) {
            got = fread(room, 1, 4096, file);
            text.len += got;
        }
    }
    fclose(file);
    status = status == TIDINGS_OK ? conf_read_text(conf, path, buf_str(&text), err)
                                  : error_set(err, status, "configuration %s is over %d bytes",
                                              path, FILE_MAX_BYTES);
    buf_deinit(&text);
    return status;
}
