// SPDX-License-Identifier: Apache-2.0
// Paths and queries of requests, and lists that come in pages.
#include <stdio.h>
#include <string.h>

#include "cli/rest.h"

enum { PAGES_MAX = 1000000 };

void rest_path_init(struct rest_path *path, const char *text)
{
    memset(path, 0, sizeof *path);
    rest_path_add(path, text);
}

void rest_path_add(struct rest_path *path, const char *text)
{
    size_t len = strlen(text);
    if (path->too_long || len >= sizeof path->text - path->len) {
        path->too_long = true;
        return;
    }
    memcpy(path->text + path->len, text, len + 1);
    path->len += len;
}

static void add_encoded(struct rest_path *path, const char *text)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_~";
    for (; *text != '\0'; text++) {
        char one[4] = { *text, '\0' };
        // A full stop is encoded too: "." and ".." are steps in a path, and clients take them.
        if (strchr(plain, *text) == NULL) {
            (void)snprintf(one, sizeof one, "%%%02X", (unsigned char)*text);
        }
        rest_path_add(path, one);
    }
}

void rest_path_segment(struct rest_path *path, const char *text)
{
    rest_path_add(path, "/");
    add_encoded(path, text);
}

void rest_path_query(struct rest_path *path, const char *name, const char *value)
{
    rest_path_add(path, path->has_query ? "&" : "?");
    path->has_query = true;
    rest_path_add(path, name);
    rest_path_add(path, "=");
    add_encoded(path, value);
}

void rest_path_query_number(struct rest_path *path, const char *name, int64_t value)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%lld", (long long)value);
    rest_path_query(path, name, text);
}

// One page; its next cursor, "" at the end.
static json_t *one_page(struct cli *cli, struct rest *rest, const struct rest_path *path,
                        const char *cursor, char *ret_next, size_t size)
{
    struct rest_path page = *path;
    if (cursor[0] != '\0') {
        rest_path_query(&page, "cursor", cursor);
    }
    if (page.too_long) {
        fprintf(stderr, "tidings %s: the options are too long together\n", cli->command->words);
        return NULL;
    }
    json_t *root = rest_json(cli, rest, "GET", page.text, NULL);
    const char *next = json_string_value(json_object_get(root, "nextCursor"));
    if (root != NULL && (!json_is_array(json_object_get(root, "items")) ||
                         !str_copy(ret_next, size, str_of(next != NULL ? next : "")) ||
                         (next != NULL && strcmp(next, cursor) == 0))) {
        fprintf(stderr, "tidings %s: the answer of %s is no page of a list\n", cli->command->words,
                rest_server(rest));
        json_decref(root);
        root = NULL;
    }
    return root;
}

bool rest_pages(struct cli *cli, struct rest *rest, const struct rest_path *path, rest_each *each,
                void *arg)
{
    char cursor[1024] = "";
    for (int i = 0; i < PAGES_MAX; i++) {
        char next[1024] = "";
        json_t *root = one_page(cli, rest, path, cursor, next, sizeof next);
        if (root == NULL) {
            return false;
        }
        bool more = each(arg, json_object_get(root, "items"), next[0] != '\0');
        json_decref(root);
        if (!more || next[0] == '\0') {
            return true;
        }
        memcpy(cursor, next, sizeof cursor);
    }
    fprintf(stderr, "tidings %s: the list does not end\n", cli->command->words);
    return false;
}
