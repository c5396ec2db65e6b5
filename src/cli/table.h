// SPDX-License-Identifier: Apache-2.0
// JSON for people: rows as a table, an object as lines. What others wrote into it (replies, names)
// cannot move the cursor or change colours: control characters become spaces.
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <jansson.h>

#include "base/str.h"

enum { TABLE_COLUMNS_MAX = 32, TABLE_CELL_MAX = 60 };

// Zeroed, or with `names` and `count` set; else the first row's members are the columns. Rows may
// come page by page: the head is printed once, columns grow only wider.
struct table {
    const char *names[TABLE_COLUMNS_MAX];
    int widths[TABLE_COLUMNS_MAX];
    size_t count;
    bool begun;
};
void table_print(struct table *table, json_t *rows); // keeps views of the first rows' names
// An object as lines of name and value: objects in it as lines below, arrays of objects as tables.
void table_object(json_t *root);
// The text as one line of at most size - 1 bytes, whole characters of UTF-8, nothing that a
// terminal would obey.
void table_text(struct str text, char *out, size_t size);

#endif
