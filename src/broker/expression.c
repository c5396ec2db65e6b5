// SPDX-License-Identifier: Apache-2.0
#include "broker/expression.h"

#include <stdlib.h>

#include "filter/filter.h"
#include "wire/wire.h"

struct expression {
    struct filter *filter;
    size_t users;
};

void expressions_init(struct expressions *expressions)
{
    map_init(&expressions->by_text, EXPRESSIONS_MAX);
}

static void expression_free(struct expression *expression)
{
    filter_free(expression->filter);
    free(expression);
}

void expressions_deinit(struct expressions *expressions)
{
    struct str key;
    void *value;
    size_t cursor = 0;
    while (map_next(&expressions->by_text, &cursor, &key, &value)) {
        expression_free(value);
    }
    map_deinit(&expressions->by_text);
}

// Forgets those that nobody uses now.
static void clean(struct expressions *expressions)
{
    struct str key;
    void *value;
    size_t cursor = 0;
    while (map_next(&expressions->by_text, &cursor, &key, &value)) {
        struct expression *expression = value;
        if (expression->users == 0) {
            (void)map_remove(&expressions->by_text, key);
            expression_free(expression);
        }
    }
}

tidings_status expression_take(struct expressions *expressions, struct str text,
                               struct expression **ret, struct tidings_error *err)
{
    struct expression *expression = map_get(&expressions->by_text, text);
    if (expression != NULL) {
        expression->users++;
        *ret = expression;
        return TIDINGS_OK;
    }
    if (expressions->by_text.count >= EXPRESSIONS_KEEP) {
        clean(expressions);
    }
    struct filter *filter;
    tidings_status status = filter_compile(text, &filter, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    expression = calloc(1, sizeof *expression);
    if (expression != NULL) {
        *expression = (struct expression){ .filter = filter, .users = 1 };
    }
    if (expression == NULL ||
        map_put(&expressions->by_text, text, expression, NULL) != TIDINGS_OK) {
        if (expression != NULL) {
            expression_free(expression);
        } else {
            filter_free(filter);
        }
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for an expression");
    }
    *ret = expression;
    return TIDINGS_OK;
}

void expression_hold(struct expression *expression)
{
    expression->users++;
}

void expression_give(struct expression *expression)
{
    if (expression != NULL) {
        expression->users--;
    }
}

static bool get(void *arg, struct str name, struct str *ret)
{
    *ret = wire_properties_get(*(const struct str *)arg, name);
    return ret->ptr != NULL;
}

bool expression_matches(const struct expression *expression, struct str properties)
{
    return filter_match(expression->filter, get, &properties);
}
