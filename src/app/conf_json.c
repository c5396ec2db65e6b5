// SPDX-License-Identifier: Apache-2.0
#include "app/conf_json.h"

#include <jansson.h>
#include <stdlib.h>

#include "base/num.h"

static json_t *scalar(const yaml_node_t *node)
{
    struct str text = str_make((const char *)node->data.scalar.value, node->data.scalar.length);
    int64_t number;
    if (node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE) {
        if (str_eq_c(text, "true") || str_eq_c(text, "false")) {
            return json_boolean(str_eq_c(text, "true"));
        }
        if (str_eq_c(text, "null") || str_eq_c(text, "~") || text.len == 0) {
            return json_null();
        }
        if (num_parse_i64(text, INT64_MIN, INT64_MAX, &number)) {
            return json_integer(number);
        }
    }
    return json_stringn(text.ptr, text.len);
}

static json_t *value(yaml_document_t *document, const yaml_node_t *node);

static json_t *sequence(yaml_document_t *document, const yaml_node_t *node)
{
    json_t *array = json_array();
    for (const yaml_node_item_t *item = node->data.sequence.items.start;
         array != NULL && item < node->data.sequence.items.top; item++) {
        if (json_array_append_new(array,
                                  value(document, yaml_document_get_node(document, *item))) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *mapping(yaml_document_t *document, const yaml_node_t *node)
{
    json_t *object = json_object();
    for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
         object != NULL && pair < node->data.mapping.pairs.top; pair++) {
        const yaml_node_t *key = yaml_document_get_node(document, pair->key);
        if (key->type != YAML_SCALAR_NODE ||
            json_object_set_new(object, (const char *)key->data.scalar.value,
                                value(document, yaml_document_get_node(document, pair->value))) !=
                0) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

static json_t *value(yaml_document_t *document, const yaml_node_t *node)
{
    return node->type == YAML_SCALAR_NODE     ? scalar(node)
           : node->type == YAML_SEQUENCE_NODE ? sequence(document, node)
                                              : mapping(document, node);
}

tidings_status conf_json(yaml_document_t *document, const yaml_node_t *node, struct buf *out,
                         struct tidings_error *err)
{
    json_t *tree = value(document, node);
    char *text = tree != NULL ? json_dumps(tree, JSON_COMPACT) : NULL;
    tidings_status status = text != NULL ? buf_add_str(out, str_of(text)) : TIDINGS_E_INVALID;
    free(text);
    json_decref(tree);
    return status == TIDINGS_OK
               ? status
               : error_set(err, status,
                           "the settings in line %zu cannot be read: names must be "
                           "texts, and all of it at most 1 MiB",
                           node->start_mark.line + 1);
}
