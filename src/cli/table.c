// SPDX-License-Identifier: Apache-2.0
#include "cli/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/num.h"
#include "cli/cli.h"

// Length of the character of UTF-8 that stands there, 0 when there is none, or one of control.
static size_t character(struct str text)
{
    unsigned char c = (unsigned char)text.ptr[0];
    size_t len = c < 0x80 ? 1 : c >= 0xc2 && c < 0xe0 ? 2 : c >= 0xe0 && c < 0xf0 ? 3 : 4;
    bool control =
        c < ' ' || c == 0x7f || (c == 0xc2 && text.len > 1 && (unsigned char)text.ptr[1] < 0xa0);
    return control || len > text.len || !str_is_utf8(str_make(text.ptr, len)) ? 0 : len;
}

void table_text(struct str text, char *out, size_t size)
{
    size_t used = 0;
    while (text.len > 0) {
        size_t len = character(text);
        size_t took = len > 0 ? len : 1;
        if (took >= size - used) {
            break;
        }
        if (len > 0) {
            memcpy(out + used, text.ptr, len);
        } else {
            out[used] = (unsigned char)text.ptr[0] < 0x80 ? ' ' : '?';
        }
        used += took;
        text = str_make(text.ptr + took, text.len - took);
    }
    while (used > 0 && out[used - 1] == ' ') {
        used--;
    }
    out[used] = '\0';
}

// A number that is a time: since 2001, in milliseconds since 1970, by its name.
static bool is_time(const char *name, json_t *value)
{
    static const char *const endings[] = { "Ms", "At", "Until" };
    size_t len = strlen(name);
    bool found = false;
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        size_t end = strlen(endings[i]);
        found = found || (len > end && strcmp(name + len - end, endings[i]) == 0);
    }
    return found && json_integer_value(value) >= 1000000000000;
}

// Text of a value in a cell; long ones are cut.
static const char *cell(const char *name, json_t *value, char *out, size_t size)
{
    char number[24];
    if (is_time(name, value)) {
        clock_format_utc(json_integer_value(value), out, size);
    } else if (json_is_string(value)) {
        table_text(str_make(json_string_value(value), json_string_length(value)), out, size);
    } else if (json_is_integer(value)) {
        table_text(str_make(number, num_format_i64(number, json_integer_value(value))), out, size);
    } else if (json_is_boolean(value)) {
        table_text(str_of(json_is_true(value) ? "yes" : "no"), out, size);
    } else if (json_is_array(value) || json_is_object(value)) {
        char *text = json_dumps(value, JSON_COMPACT);
        table_text(str_of(text != NULL ? text : ""), out, size);
        free(text);
    } else {
        table_text(STR("-"), out, size);
    }
    return out;
}

static void take_names(struct table *table, json_t *row)
{
    const char *key;
    json_t *value;
    json_object_foreach(row, key, value)
    {
        if (table->count < TABLE_COLUMNS_MAX) {
            table->names[table->count++] = key;
        }
    }
}

static int wider(int width, const char *text)
{
    return (int)strlen(text) > width ? (int)strlen(text) : width;
}

static void measure(struct table *table, json_t *rows)
{
    char text[TABLE_CELL_MAX + 1];
    size_t index;
    json_t *row;
    for (size_t i = 0; i < table->count; i++) {
        table->widths[i] = wider(table->widths[i], table->names[i]);
        json_array_foreach(rows, index, row)
        {
            table->widths[i] =
                wider(table->widths[i], cell(table->names[i], json_object_get(row, table->names[i]),
                                             text, sizeof text));
        }
    }
}

static void print_cell(const struct table *table, size_t i, const char *text)
{
    if (i + 1 < table->count) {
        printf("%-*s  ", table->widths[i], text);
    } else {
        printf("%s\n", text);
    }
}

void table_print(struct table *table, json_t *rows)
{
    char text[TABLE_CELL_MAX + 1];
    size_t index;
    json_t *row;
    if (table->count == 0) {
        take_names(table, json_array_get(rows, 0));
    }
    measure(table, rows);
    for (size_t i = 0; i < table->count && !table->begun; i++) {
        print_cell(table, i, table->names[i]);
    }
    table->begun = true;
    json_array_foreach(rows, index, row)
    {
        for (size_t i = 0; i < table->count; i++) {
            print_cell(
                table, i,
                cell(table->names[i], json_object_get(row, table->names[i]), text, sizeof text));
        }
    }
}

// What is an object itself is shown as lines below its name, down to `depth`.
static void print_members(json_t *root, int indent, int depth)
{
    char text[4096];
    const char *key;
    json_t *value;
    json_object_foreach(root, key, value)
    {
        printf("%*s%s:", indent, "", key);
        if (json_is_array(value) && json_is_object(json_array_get(value, 0)) && indent == 0) {
            struct table table = { .count = 0 };
            printf("\n");
            table_print(&table, value);
        } else if (json_object_size(value) > 0 && depth > 0) {
            printf("\n");
            print_members(value, indent + 2, depth - 1);
        } else {
            printf(" %s\n", cell(key, value, text, sizeof text));
        }
    }
}

void table_object(json_t *root)
{
    print_members(root, 0, 1);
}

static json_t *load(char *json)
{
    json_error_t why;
    json_t *root = json_loads(json, JSON_ALLOW_NUL, &why);
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
        struct table table = { .count = 0 };
        table_print(&table, rows);
    }
    json_decref(rows);
    return 0;
}

int cli_print_object(const struct cli *cli, char *json)
{
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
    table_object(root);
    json_decref(root);
    return 0;
}

int cli_print_json(const struct cli *cli, json_t *root, const char *const *columns)
{
    if (root == NULL) {
        return 1;
    }
    if (cli->json) {
        char *text = json_dumps(root, JSON_COMPACT);
        printf("%s\n", text != NULL ? text : "null");
        free(text);
    } else if (json_is_object(root)) {
        table_object(root);
    } else if (json_array_size(root) == 0) {
        printf("none\n");
    } else {
        struct table table = { .count = 0 };
        for (; columns != NULL && columns[table.count] != NULL; table.count++) {
            table.names[table.count] = columns[table.count];
        }
        table_print(&table, root);
    }
    json_decref(root);
    return 0;
}
