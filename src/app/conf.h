// SPDX-License-Identifier: Apache-2.0
// Configuration: the table in conf.def, read from a file, then from flags, checked as a whole.
#ifndef APP_CONF_H
#define APP_CONF_H

#include <stdbool.h>

#include "base/error.h"
#include "base/str.h"

enum { CONF_TOPICS_MAX = 1024, CONF_DOCUMENTS_MAX = 1024 };

#define CONF_TYPE_TEXT    char *
#define CONF_TYPE_LADDER  char *
#define CONF_TYPE_LEVELS  char *
#define CONF_TYPE_ADDRESS char *
#define CONF_TYPE_NAME    char *
#define CONF_TYPE_LOG     char *
#define CONF_TYPE_TLS     char *
#define CONF_TYPE_INT     int64_t
#define CONF_TYPE_SIZE    int64_t
#define CONF_TYPE_TIME    int64_t
#define CONF_TYPE_BOOL    bool

struct conf_topic {
    char *name;
    int queues;
};
struct conf_document { // an entry of `receivers:` or `bindings:`
    char *name;
    char *json;
    char *where; // "tidings.yaml line 3: receivers.merchant-1"
};
struct conf_documents {
    struct conf_document *items;
    size_t count;
};
struct conf {
#define C(section, key, flag, type, member, def, least, greatest, text) CONF_TYPE_##type member;
#include "app/conf.def"
#undef C
    struct conf_topic topics[CONF_TOPICS_MAX];
    size_t topic_count;
    struct conf_documents receivers; // settings of receiver/receiver.h
    struct conf_documents bindings;  // settings of intake/intake.h
    bool check_only;
    bool help;
};

// All at their defaults.
tidings_status conf_init(struct conf *conf, struct tidings_error *err) TIDINGS_NODISCARD;
void conf_deinit(struct conf *conf);
// Reads --config FILE first, then all flags over it, then checks the whole. Errors name the file
// and line, or the flag, and what would be right.
tidings_status conf_load(struct conf *conf, int argc, char **argv,
                         struct tidings_error *err) TIDINGS_NODISCARD;
bool conf_is_section(struct str section);
bool conf_is_setting(struct str section, struct str key);
// One value from text; `where` begins the error text ("tidings.yaml line 3", "--data").
tidings_status conf_set(struct conf *conf, struct str section, struct str key, struct str value,
                        const char *where, struct tidings_error *err) TIDINGS_NODISCARD;
tidings_status conf_add_topic(struct conf *conf, struct str text, const char *where,
                              struct tidings_error *err) TIDINGS_NODISCARD;
// Keeps a document of the section `receivers` or `bindings`; what it says is not looked at here.
tidings_status conf_add_document(struct conf_documents *documents, struct str name, struct str json,
                                 const char *where, struct tidings_error *err) TIDINGS_NODISCARD;
// The configuration file (YAML, at most 1 MiB). Errors name the file, the line, and what would be
// right.
tidings_status conf_read_file(struct conf *conf, const char *path,
                              struct tidings_error *err) TIDINGS_NODISCARD;
// The same from text in memory; `name` stands for the file in errors.
tidings_status conf_read_text(struct conf *conf, const char *name, struct str text,
                              struct tidings_error *err) TIDINGS_NODISCARD;

#endif
