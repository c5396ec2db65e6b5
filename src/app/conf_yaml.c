// SPDX-License-Identifier: Apache-2.0
// tidings.yaml: sections of keys with one value each, and broker.topics as a list. libyaml builds a
// small tree whose nodes know their lines; conf.def says which keys there are.
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "app/conf.h"
#include "app/conf_json.h"

enum {
    FILE_MAX_BYTES = 1024 * 1024,
    READ_BYTES = 4096,
    DEPTH_MAX = 8, // three are needed; what is nested deeper gets an error that names its key
    SHOWN_NAME_MAX = 90,
    WHERE_SIZE = SHOWN_NAME_MAX + 32,
};

struct reading {
    struct conf *conf;
    const char *name;
    yaml_document_t *document;
    struct tidings_error *err;
};

static void where_text(const struct reading *reading, const yaml_node_t *node, char *out)
{
    int n = snprintf(out, WHERE_SIZE, "%s line %zu", reading->name, node->start_mark.line + 1);
    if (n < 0) {
        out[0] = '\0';
    }
}

static tidings_status wrong(const struct reading *reading, const yaml_node_t *node,
                            const char *format, ...) BASE_PRINTF(3, 4);

static tidings_status wrong(const struct reading *reading, const yaml_node_t *node,
                            const char *format, ...)
{
    char where[WHERE_SIZE];
    char text[256];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    where_text(reading, node, where);
    return error_set(reading->err, TIDINGS_E_INVALID, "%s: %s", where, n < 0 ? "" : text);
}

static struct str scalar(const yaml_node_t *node)
{
    return str_make((const char *)node->data.scalar.value, node->data.scalar.length);
}

static const char *kind_of(const yaml_node_t *node)
{
    return node->type == YAML_MAPPING_NODE    ? "a section"
           : node->type == YAML_SEQUENCE_NODE ? "a list"
                                              : "a value";
}

// The key of a pair, which no pair before it may have had.
static tidings_status read_key(const struct reading *reading, const yaml_node_t *mapping,
                               const yaml_node_pair_t *pair, struct str *ret)
{
    const yaml_node_t *node = yaml_document_get_node(reading->document, pair->key);
    if (node->type != YAML_SCALAR_NODE) {
        return wrong(reading, node, "a name must stand here, not %s", kind_of(node));
    }
    *ret = scalar(node);
    for (const yaml_node_pair_t *other = mapping->data.mapping.pairs.start; other < pair; other++) {
        const yaml_node_t *before = yaml_document_get_node(reading->document, other->key);
        if (before->type == YAML_SCALAR_NODE && str_eq(scalar(before), *ret)) {
            return wrong(reading, node, "%.*s stands here again, first in line %zu", STR_ARG(*ret),
                         before->start_mark.line + 1);
        }
    }
    return TIDINGS_OK;
}

static tidings_status read_topics(const struct reading *reading, const yaml_node_t *list)
{
    char where[WHERE_SIZE];
    tidings_status status = TIDINGS_OK;
    if (list->type != YAML_SEQUENCE_NODE) {
        return wrong(reading, list, "broker.topics must be a list of NAME or NAME:QUEUES");
    }
    for (const yaml_node_item_t *item = list->data.sequence.items.start;
         item < list->data.sequence.items.top && status == TIDINGS_OK; item++) {
        const yaml_node_t *node = yaml_document_get_node(reading->document, *item);
        if (node->type != YAML_SCALAR_NODE) {
            return wrong(reading, node, "a topic must be NAME or NAME:QUEUES, not %s",
                         kind_of(node));
        }
        where_text(reading, node, where);
        status = conf_add_topic(reading->conf, scalar(node), where, reading->err);
    }
    return status;
}

static tidings_status read_value(const struct reading *reading, struct str section, struct str key,
                                 const yaml_node_t *name, const yaml_node_t *value)
{
    char where[WHERE_SIZE];
    if (str_eq_c(section, "broker") && str_eq_c(key, "topics")) {
        return read_topics(reading, value);
    }
    where_text(reading, name, where);
    if (!conf_is_setting(section, key)) {
        return wrong(reading, name, "unknown setting %.*s.%.*s (tidings serve --help lists them)",
                     STR_ARG(section), STR_ARG(key));
    }
    if (value->type != YAML_SCALAR_NODE) {
        return wrong(reading, value, "%.*s.%.*s must be one value, not %s", STR_ARG(section),
                     STR_ARG(key), kind_of(value));
    }
    return conf_set(reading->conf, section, key, scalar(value), where, reading->err);
}

// Entries of a name and settings below it, which are kept as JSON.
static tidings_status read_documents(const struct reading *reading, const char *section,
                                     struct conf_documents *documents, const yaml_node_t *list)
{
    char where[WHERE_SIZE];
    char entry[WHERE_SIZE + SHOWN_NAME_MAX];
    tidings_status status = TIDINGS_OK;
    if (list->type != YAML_MAPPING_NODE) {
        return wrong(reading, list, "%s must have names below it, not %s", section, kind_of(list));
    }
    for (const yaml_node_pair_t *pair = list->data.mapping.pairs.start;
         pair < list->data.mapping.pairs.top && status == TIDINGS_OK; pair++) {
        struct str name;
        struct buf json;
        const yaml_node_t *node = yaml_document_get_node(reading->document, pair->value);
        buf_init(&json, FILE_MAX_BYTES);
        status = read_key(reading, list, pair, &name);
        if (status == TIDINGS_OK && node->type != YAML_MAPPING_NODE) {
            status =
                wrong(reading, node, "%s.%.*s must have settings below it", section, STR_ARG(name));
        }
        if (status == TIDINGS_OK) {
            status = conf_json(reading->document, node, &json, reading->err);
        }
        if (status == TIDINGS_OK) {
            where_text(reading, node, where);
            int n = snprintf(entry, sizeof entry, "%s: %s.%.*s", where, section,
                             (int)(name.len < 64 ? name.len : 64), name.ptr);
            status = conf_add_document(documents, name, buf_str(&json), n > 0 ? entry : "",
                                       reading->err);
        }
        buf_deinit(&json);
    }
    return status;
}

static tidings_status read_section(const struct reading *reading, struct str section,
                                   const yaml_node_t *name, const yaml_node_t *node)
{
    tidings_status status = TIDINGS_OK;
    if (str_eq_c(section, "receivers") || str_eq_c(section, "bindings")) {
        bool bindings = str_eq_c(section, "bindings");
        return node->type == YAML_SCALAR_NODE && scalar(node).len == 0
                   ? TIDINGS_OK
                   : read_documents(reading, bindings ? "bindings" : "receivers",
                                    bindings ? &reading->conf->bindings : &reading->conf->receivers,
                                    node);
    }
    if (!conf_is_section(section)) {
        return wrong(reading, name, "unknown section %.*s (tidings serve --help lists them)",
                     STR_ARG(section));
    }
    if (node->type == YAML_SCALAR_NODE && scalar(node).len == 0) {
        return TIDINGS_OK; // nothing below it
    }
    if (node->type != YAML_MAPPING_NODE) {
        return wrong(reading, name, "%.*s must have settings below it, not %s", STR_ARG(section),
                     kind_of(node));
    }
    for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
         pair < node->data.mapping.pairs.top && status == TIDINGS_OK; pair++) {
        struct str key;
        status = read_key(reading, node, pair, &key);
        if (status == TIDINGS_OK) {
            status = read_value(reading, section, key,
                                yaml_document_get_node(reading->document, pair->key),
                                yaml_document_get_node(reading->document, pair->value));
        }
    }
    return status;
}

static tidings_status read_root(const struct reading *reading)
{
    const yaml_node_t *root = yaml_document_get_root_node(reading->document);
    tidings_status status = TIDINGS_OK;
    if (root == NULL || (root->type == YAML_SCALAR_NODE && scalar(root).len == 0)) {
        return TIDINGS_OK; // an empty file changes nothing
    }
    if (root->type != YAML_MAPPING_NODE) {
        return wrong(reading, root, "sections like \"store:\" must stand here, not %s",
                     kind_of(root));
    }
    for (const yaml_node_pair_t *pair = root->data.mapping.pairs.start;
         pair < root->data.mapping.pairs.top && status == TIDINGS_OK; pair++) {
        struct str section;
        status = read_key(reading, root, pair, &section);
        if (status == TIDINGS_OK) {
            status =
                read_section(reading, section, yaml_document_get_node(reading->document, pair->key),
                             yaml_document_get_node(reading->document, pair->value));
        }
    }
    return status;
}

static tidings_status no_yaml(const yaml_parser_t *parser, const char *name,
                              struct tidings_error *err)
{
    if (parser->error == YAML_MEMORY_ERROR) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for the configuration");
    }
    return error_set(err, TIDINGS_E_INVALID, "%s line %zu: no YAML: %s%s%s", name,
                     parser->problem_mark.line + 1, parser->problem != NULL ? parser->problem : "",
                     parser->context != NULL ? ", " : "",
                     parser->context != NULL ? parser->context : "");
}

// ---- what is refused before a tree is built ----

// libyaml's time grows with the square of the depth and of the number of anchors; a configuration
// needs three levels and no anchors. A second document would be passed over in silence.
static tidings_status check_event(const yaml_event_t *event, const char *name, int *depth,
                                  int *documents, struct tidings_error *err)
{
    const char *what = NULL;
    bool anchored = false;
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        what = ++*documents > 1 ? "a second document, only one may be" : NULL;
        break;
    case YAML_ALIAS_EVENT: anchored = true; break;
    case YAML_SCALAR_EVENT: anchored = event->data.scalar.anchor != NULL; break;
    case YAML_SEQUENCE_START_EVENT:
        anchored = event->data.sequence_start.anchor != NULL;
        ++*depth;
        break;
    case YAML_MAPPING_START_EVENT:
        anchored = event->data.mapping_start.anchor != NULL;
        ++*depth;
        break;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT: --*depth; break;
    default: break;
    }
    if (anchored) {
        what = "anchors and aliases are not taken, write the value itself";
    } else if (*depth > DEPTH_MAX) {
        what = "nested deeper than any setting";
    }
    return what == NULL ? TIDINGS_OK
                        : error_set(err, TIDINGS_E_INVALID, "%s line %zu: %s", name,
                                    event->start_mark.line + 1, what);
}

// The same goes for %TAG lines, which libyaml reads before its first event. The bytes are the ends
// of the line breaks that YAML 1.1 knows: LF, CR, NEL, LS, PS.
static tidings_status check_bytes(const char *name, struct str text, struct tidings_error *err)
{
    static const struct str tag = { "%TAG", 4 };
    if (!str_is_utf8(text)) {
        return error_set(err, TIDINGS_E_INVALID, "%s: is not UTF-8", name);
    }
    for (struct str rest = text; rest.len > 0;) {
        size_t at = str_find_str(rest, tag);
        if (at == SIZE_MAX) {
            break;
        }
        const char *found = rest.ptr + at;
        if (found == text.ptr || memchr("\n\r\x85\xA8\xA9", found[-1], 5) != NULL) {
            return error_set(err, TIDINGS_E_INVALID, "%s: %%TAG lines are not taken", name);
        }
        rest = str_make(found + tag.len, rest.len - at - tag.len);
    }
    return TIDINGS_OK;
}

static tidings_status check_shape(const char *name, struct str text, struct tidings_error *err)
{
    yaml_parser_t parser;
    yaml_event_t event;
    int depth = 0;
    int documents = 0;
    bool ended = false;
    tidings_status status = TIDINGS_OK;
    if (yaml_parser_initialize(&parser) == 0) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for the configuration");
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)text.ptr, text.len);
    while (status == TIDINGS_OK && !ended) {
        if (yaml_parser_parse(&parser, &event) == 0) {
            status = no_yaml(&parser, name, err);
        } else {
            status = check_event(&event, name, &depth, &documents, err);
            ended = event.type == YAML_STREAM_END_EVENT;
            yaml_event_delete(&event);
        }
    }
    yaml_parser_delete(&parser);
    return status;
}

static tidings_status read_tree(struct conf *conf, const char *name, struct str text,
                                struct tidings_error *err)
{
    yaml_parser_t parser;
    yaml_document_t document;
    tidings_status status = TIDINGS_OK;
    if (yaml_parser_initialize(&parser) == 0) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for the configuration");
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)text.ptr, text.len);
    if (yaml_parser_load(&parser, &document) == 0) {
        status = no_yaml(&parser, name, err);
    } else {
        const struct reading reading = { conf, name, &document, err };
        status = read_root(&reading);
        yaml_document_delete(&document);
    }
    yaml_parser_delete(&parser);
    return status;
}

// A long path keeps its end, so that the rest of an error text has room.
static void short_name(const char *name, char *out, size_t size)
{
    size_t len = strlen(name);
    bool cut = len >= size;
    int n = snprintf(out, size, "%s%s", cut ? "..." : "", cut ? name + len - size + 4 : name);
    if (n < 0) {
        out[0] = '\0';
    }
}

tidings_status conf_read_text(struct conf *conf, const char *name, struct str text,
                              struct tidings_error *err)
{
    char shown[SHOWN_NAME_MAX];
    short_name(name, shown, sizeof shown);
    text = text.ptr == NULL ? STR("") : text; // libyaml takes no NULL
    tidings_status status = check_bytes(shown, text, err);
    if (status == TIDINGS_OK) {
        status = check_shape(shown, text, err);
    }
    return status == TIDINGS_OK ? read_tree(conf, shown, text, err) : status;
}

static tidings_status read_whole(FILE *file, const char *path, struct buf *text,
                                 struct tidings_error *err)
{
    char *room;
    size_t got = 1;
    tidings_status status = TIDINGS_OK;
    while (status == TIDINGS_OK && got > 0) {
        status = buf_reserve(text, READ_BYTES, &room);
        if (status == TIDINGS_OK) {
            got = fread(room, 1, READ_BYTES, file);
            text->len += got;
        }
    }
    if (ferror(file) != 0) { // a folder, for one
        return error_set_errno(err, TIDINGS_E_IO, errno, "cannot read the configuration %s", path);
    }
    if (status == TIDINGS_E_TOO_LARGE || text->len > FILE_MAX_BYTES) {
        return error_set(err, TIDINGS_E_TOO_LARGE, "configuration %s is over %d bytes", path,
                         FILE_MAX_BYTES);
    }
    return status == TIDINGS_OK ? status
                                : error_set(err, status, "no memory for the configuration");
}

tidings_status conf_read_file(struct conf *conf, const char *path, struct tidings_error *err)
{
    struct buf text;
    char shown[SHOWN_NAME_MAX];
    short_name(path, shown, sizeof shown);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return error_set_errno(err, TIDINGS_E_NOT_FOUND, errno, "cannot read the configuration %s",
                               shown);
    }
    buf_init(&text, FILE_MAX_BYTES + READ_BYTES);
    tidings_status status = read_whole(file, shown, &text, err);
    fclose(file);
    if (status == TIDINGS_OK) {
        status = conf_read_text(conf, path, buf_str(&text), err);
    }
    buf_deinit(&text);
    return status;
}
