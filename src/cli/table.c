// SPDX-License-Identifier: Apache-2.0
// JSON for people: an array of objects as a table, an object as lines.
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/cli.h"

enum { COLUMNS_MAX = 32, CELL_MAX = 60 };

// A name that ends in Ms and a number that is a time: since 2001, in milliseconds since 1970.
static bool is_time(const char *name, json_t *value)
{
    size_t len = strlen(name);
    return json_integer_value(value) >= 1000000000000 && len > 2 &&
           strcmp(name + len - 2, "Ms") == 0;
}

// Text of a value in a cell; long ones are cut.
static const char *cell(const char *name, json_t *value, char *out, size_t size)
{
    int n = 0;
    if (is_time(name, value)) {
        clock_format_utc(json_integer_value(value), out, size);
    } else if (json_is_string(value)) {
        n = snprintf(out, size, "%s", json_string_value(value));
    } else if (json_is_integer(value)) {
        n = snprintf(out, size, "%lld", (long long)json_integer_value(value));
    } else if (json_is_boolean(value)) {
        n = snprintf(out, size, "%s", json_is_true(value) ? "yes" : "no");
    } else if (json_is_array(value) || json_is_object(value)) {
        char *text = json_dumps(value, JSON_COMPACT);
        n = snprintf(out, size, "%s", text != NULL ? text : "");
        free(text);
    } else {
        n = snprintf(out, size, "-");
    }
    if (n < 0) {
        out[0] = '\0';
    }
    for (char *c = out; *c != '\0'; c++) {
        *c = (unsigned char)*c < ' ' ? ' ' : *c;
    }
    return out;
}

static void print_rows(json_t *rows)
{
    const char *names[COLUMNS_MAX];
    int widths[COLUMNS_MAX];
    char text[CELL_MAX + 1];
    size_t count = 0;
    size_t index;
    json_t *row;
    json_t *value;
    const char *key;
    json_object_foreach(json_array_get(rows, 0), key, value)
    {
        if (count < COLUMNS_MAX) {
            names[count] = key;
            widths[count++] = (int)strlen(key);
        }
    }
    json_array_foreach(rows, index, row)
    {
        for (size_t i = 0; i < count; i++) {
            int width =
                (int)strlen(cell(names[i], json_object_get(row, names[i]), text, sizeof text));
            widths[i] = width > widths[i] ? width : widths[i];
        }
    }
    for (size_t i = 0; i < count; i++) {
        printf("%-*s%s", widths[i], names[i], i + 1 < count ? "  " : "\n");
    }
    json_array_foreach(rows, index, row)
    {
        for (size_t i = 0; i < count; i++) {
            printf("%-*s%s", widths[i],
                   cell(names[i], json_object_get(row, names[i]), text, sizeof text),
                   i + 1 < count ? "  " : "\n");
        }
    }
}

static json_t *load(char *json)
{
    json_error_t why;
    json_t *root = json_loads(json, 0, &why);
    if (root == NULL) {
        fprintf(stderr, "tidings: the answer is not JSON: %s\n", why.text);
    }
    return root;
}

int cli_print_rows(const struct cli *cli, char *json)
{
    if (cli->json) {
        printf("%s\n", json);
        tidings_text_free(json);
        return 0;
    }
    json_t *rows = load(json);
    tidings_text_free(json);
    if (rows == NULL) {
        return 1;
    }
    if (json_array_size(rows) == 0) {
        printf("none\n");
    } else {
        print_rows(rows);
    }
    json_decref(rows);
    return 0;
}

int cli_print_object(const struct cli *cli, char *json)
{
    char text[2048];
    const char *key;
    json_t *value;
    if (cli->json) {
        printf("%s\n", json);
        tidings_text_free(json);
        return 0;
    }
    json_t *root = load(json);
    tidings_text_free(json);
    if (root == NULL) {
        return 1;
    }
    json_object_foreach(root, key, value)
    {
        if (json_is_array(value) && json_is_object(json_array_get(value, 0))) {
            printf("%s:\n", key);
            print_rows(value);
        } else {
            printf("%s: %s\n", key, cell(key, value, text, sizeof text));
        }
    }
    json_decref(root);
    return 0;
}
