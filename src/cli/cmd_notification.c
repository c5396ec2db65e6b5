// SPDX-License-Identifier: Apache-2.0
// tidings get|list|cancel
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/attempts.h"
#include "cli/rest.h"
#include "cli/table.h"

enum { LIST_DEFAULT = 100, PAGE_MAX = 1000 };

static int print_payload(struct cli *cli, struct rest *rest)
{
    struct rest_path path;
    struct rest_reply reply = { 0 };
    int code = 0;
    rest_path_init(&path, "/v1/notifications");
    rest_path_segment(&path, cli->words[0]);
    rest_path_add(&path, "/payload");
    struct rest_request request = { .method = "GET", .path = path.text };
    if (!rest_send(rest, &request, &reply) || !rest_is_good(&reply)) {
        code = rest_fail(cli, rest, &reply);
    } else if (fwrite(reply.body.ptr != NULL ? reply.body.ptr : "", 1, reply.body.len, stdout) !=
                   reply.body.len ||
               fflush(stdout) != 0) {
        fprintf(stderr, "tidings get: cannot write the payload out\n");
        code = 1;
    }
    rest_reply_deinit(&reply);
    return code;
}

int cmd_get(struct cli *cli)
{
    struct rest *rest = rest_open(cli);
    if (rest == NULL) {
        return 2;
    }
    int code = 1;
    if (cli_switch(cli, "payload")) {
        code = print_payload(cli, rest);
    } else {
        json_t *whole = attempts_get(cli, rest, cli->words[0]);
        if (whole != NULL && !cli->json) {
            attempts_print(whole);
            json_decref(whole);
            code = 0;
        } else {
            code = cli_print_json(cli, whole, NULL);
        }
    }
    rest_close(rest);
    return code;
}

int cmd_cancel(struct cli *cli)
{
    struct rest_path path;
    struct rest *rest = rest_open(cli);
    if (rest == NULL) {
        return 2;
    }
    rest_path_init(&path, "/v1/notifications");
    rest_path_segment(&path, cli->words[0]);
    rest_path_add(&path, "/cancel");
    int code = cli_print_json(cli, rest_json(cli, rest, "POST", path.text, NULL), NULL);
    rest_close(rest);
    return code;
}

// ---- list ----

struct listing {
    const struct cli *cli;
    struct table table;
    int64_t left; // rows that may still be printed
    bool any;
    bool cut; // there was more
};

static void print_items(struct listing *listing, json_t *items)
{
    size_t index;
    json_t *row;
    if (!listing->cli->json) {
        table_print(&listing->table, items);
        return;
    }
    json_array_foreach(items, index, row)
    {
        char *text = json_dumps(row, JSON_COMPACT);
        printf("%s%s", listing->any ? ",\n" : "", text != NULL ? text : "null");
        listing->any = true;
        free(text);
    }
}

static bool on_page(void *arg, json_t *items, bool more)
{
    struct listing *listing = arg;
    while ((int64_t)json_array_size(items) > listing->left) {
        json_array_remove(items, json_array_size(items) - 1);
        listing->cut = true;
    }
    listing->left -= (int64_t)json_array_size(items);
    if (json_array_size(items) > 0) {
        print_items(listing, items);
        listing->any = true;
    }
    listing->cut = listing->cut || (more && listing->left == 0);
    return listing->left > 0 && !ferror(stdout);
}

static bool list_path(struct cli *cli, int64_t limit, struct rest_path *path)
{
    static const char *const names[][2] = { { "receiver", "receiver" }, { "state", "state" },
                                            { "reason", "reason" },     { "source", "source" },
                                            { "type", "type" },         { "tx-no", "txNo" } };
    int64_t since_ms;
    int64_t until_ms;
    if (!cli_when(cli, "since", false, -1, &since_ms) ||
        !cli_when(cli, "until", false, -1, &until_ms)) {
        return false;
    }
    rest_path_init(path, "/v1/notifications");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = cli_option(cli, names[i][0]);
        if (value != NULL) {
            rest_path_query(path, names[i][1], value);
        }
    }
    if (since_ms >= 0) {
        rest_path_query_number(path, "acceptedFrom", since_ms);
    }
    if (until_ms >= 0) {
        rest_path_query_number(path, "acceptedTo", until_ms);
    }
    rest_path_query_number(path, "limit", limit < PAGE_MAX ? limit : PAGE_MAX);
    return true;
}

static int list(struct cli *cli, struct rest *rest, int64_t limit)
{
    static const char *const columns[] = { "id",    "receiver", "source",   "type",       "txNo",
                                           "state", "reason",   "attempts", "acceptedAt", "dueAt" };
    struct rest_path path;
    struct listing listing = { .cli = cli, .left = limit };
    if (!list_path(cli, limit, &path)) {
        return 2;
    }
    listing.table.count = sizeof columns / sizeof columns[0];
    memcpy(listing.table.names, columns, sizeof columns);
    printf("%s", cli->json ? "[" : "");
    bool good = rest_pages(cli, rest, &path, on_page, &listing);
    printf("%s", cli->json ? "]\n" : good && !listing.any ? "none\n" : "");
    if (good && listing.cut) {
        fprintf(stderr, "there are more: --all shows all, --limit N the first N\n");
    }
    return good ? 0 : 1;
}

int cmd_list(struct cli *cli)
{
    int64_t limit;
    if (!cli_number(cli, "limit", LIST_DEFAULT, 1, 1000000000, &limit)) {
        return 2;
    }
    struct rest *rest = rest_open(cli);
    if (rest == NULL) {
        return 2;
    }
    int code = list(cli, rest, cli_switch(cli, "all") ? INT64_MAX : limit);
    rest_close(rest);
    return code;
}
