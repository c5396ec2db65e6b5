// SPDX-License-Identifier: Apache-2.0
// tidings receiver …
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/input.h"
#include "cli/receiver_document.h"
#include "cli/rest.h"
#include "cli/table.h"

enum { RECEIVERS_MAX = 100000 };

static void receiver_path(struct cli *cli, struct rest_path *path, const char *what)
{
    rest_path_init(path, "/v1/receivers");
    rest_path_segment(path, cli->words[0]);
    rest_path_add(path, what);
}

// One request about NAME, its answer printed. Takes the body.
static int about_one(struct cli *cli, const char *method, const char *what, json_t *body)
{
    struct rest_path path;
    struct rest *rest = rest_open(cli);
    if (rest == NULL) {
        json_decref(body);
        return 2;
    }
    receiver_path(cli, &path, what);
    json_t *answer = rest_json(cli, rest, method, path.text, body);
    if (answer != NULL && json_object_size(answer) == 0) { // 204
        json_object_set_new(answer, "done", json_string(cli->words[0]));
    }
    int code = cli_print_json(cli, answer, NULL);
    rest_close(rest);
    return code;
}

int cmd_receiver_show(struct cli *cli)
{
    return about_one(cli, "GET", "", NULL);
}

int cmd_receiver_pause(struct cli *cli)
{
    return about_one(cli, "POST", "/pause", NULL);
}

int cmd_receiver_resume(struct cli *cli)
{
    return about_one(cli, "POST", "/resume", NULL);
}

int cmd_receiver_retire(struct cli *cli)
{
    return about_one(cli, "DELETE", "", NULL);
}

// For the table: what stands deeper in a row.
static void flatten(json_t *row)
{
    json_t *url = json_object_get(json_object_get(row, "settings"), "url");
    json_t *open = json_object_get(json_object_get(row, "breaker"), "open");
    json_object_set(row, "url", url != NULL ? url : json_null());
    json_object_set_new(row, "breaker", json_string(json_is_true(open) ? "open" : "closed"));
}

static bool add_page(void *arg, json_t *items, bool more)
{
    json_t *all = arg;
    (void)more;
    return json_array_extend(all, items) == 0 && json_array_size(all) < RECEIVERS_MAX;
}

int cmd_receiver_list(struct cli *cli)
{
    static const char *const columns[] = { "name",      "state",   "waiting", "inFlight",
                                           "nextDueAt", "breaker", "url",     NULL };
    struct rest_path path;
    size_t index;
    json_t *row;
    int code = 1;
    struct rest *rest = rest_open(cli);
    if (rest == NULL) {
        return 2;
    }
    json_t *all = json_array();
    rest_path_init(&path, "/v1/receivers");
    rest_path_query(&path, "limit", "1000");
    if (rest_pages(cli, rest, &path, add_page, all)) {
        json_array_foreach(all, index, row)
        {
            if (!cli->json) {
                flatten(row);
            }
        }
        code = cli_print_json(cli, all, columns);
    } else {
        json_decref(all);
    }
    rest_close(rest);
    return code;
}

int cmd_receiver_create(struct cli *cli)
{
    json_t *document = receiver_document(cli, false);
    if (document == NULL) {
        return 2;
    }
    if (json_object_get(document, "url") == NULL) {
        fprintf(stderr, "tidings receiver create: --url must be given: where to POST to\n");
        json_decref(document);
        return 2;
    }
    if (json_object_set_new(document, "name", json_string(cli->words[0])) != 0) {
        fprintf(stderr, "tidings receiver create: NAME is 1 to 255 letters, digits, . _ -\n");
        json_decref(document);
        return 2;
    }
    struct rest *rest = rest_open(cli);
    if (rest == NULL) {
        json_decref(document);
        return 2;
    }
    int code = cli_print_json(cli, rest_json(cli, rest, "POST", "/v1/receivers", document), NULL);
    rest_close(rest);
    return code;
}

// With --if-version the request goes by hand: it has a header of its own.
static int set_receiver(struct cli *cli, struct rest *rest, json_t *document)
{
    struct rest_path path;
    struct rest_reply reply = { 0 };
    int64_t version;
    char tag[32];
    int code = 2;
    char *text = json_dumps(document, JSON_COMPACT);
    bool replaces = cli_switch(cli, "replace");
    receiver_path(cli, &path, "");
    struct rest_request request = {
        .method = replaces ? "PUT" : "PATCH",
        .path = path.text,
        .body = str_of(text),
        .content_type = replaces ? "application/json" : "application/merge-patch+json",
    };
    if (text != NULL && cli_number(cli, "if-version", -1, 0, INT64_MAX, &version)) {
        (void)snprintf(tag, sizeof tag, "\"%lld\"", (long long)version);
        if (version >= 0) {
            request.headers[request.header_count++] = (struct rest_header){ "If-Match", tag };
        }
        code = rest_send(rest, &request, &reply) && rest_is_good(&reply)
                   ? cli_print_json(cli, rest_reply_json(cli, &reply), NULL)
                   : rest_fail(cli, rest, &reply);
    }
    if (text != NULL) {
        explicit_bzero(text, strlen(text)); // may have secrets
    }
    free(text);
    rest_reply_deinit(&reply);
    return code;
}

int cmd_receiver_set(struct cli *cli)
{
    json_t *document = receiver_document(cli, !cli_switch(cli, "replace"));
    struct rest *rest = document != NULL ? rest_open(cli) : NULL;
    int code = 2;
    if (rest != NULL && json_object_size(document) == 0) {
        fprintf(stderr,
                "tidings receiver set: nothing to change; see tidings receiver set --help\n");
    } else if (rest != NULL) {
        code = set_receiver(cli, rest, document);
    }
    rest_close(rest);
    json_decref(document);
    return code;
}

int cmd_receiver_rotate(struct cli *cli)
{
    int64_t overlap_ms;
    int64_t active_ms;
    struct buf text;
    json_t *body = json_object();
    const char *secret = cli_option(cli, "secret");
    const char *path = cli_option(cli, "secret-file");
    buf_init(&text, 65536);
    bool good = cli_time_ms(cli, "overlap", -1, &overlap_ms) &&
                cli_when(cli, "active-at", true, 0, &active_ms) &&
                (path == NULL || input_read(cli, path, &text)) &&
                (secret == NULL || buf_add_str(&text, str_of(secret)) == TIDINGS_OK);
    struct str trimmed = str_trim(buf_str(&text));
    if (good && trimmed.len > 0 &&
        json_object_set_new(body, "secret", json_stringn(trimmed.ptr, trimmed.len)) != 0) {
        fprintf(stderr, "tidings receiver rotate: the secret must be text in UTF-8\n");
        good = false;
    }
    if (good && overlap_ms >= 0) {
        json_object_set_new(body, "overlapMs", json_integer(overlap_ms));
    }
    if (good && active_ms > 0) {
        json_object_set_new(body, "activeAt", json_integer(active_ms));
    }
    if (text.ptr != NULL) {
        explicit_bzero(text.ptr, text.size);
    }
    buf_deinit(&text);
    if (!good) {
        json_decref(body);
        return 2;
    }
    return about_one(cli, "POST", "/secrets", body);
}

// ---- test ----

static int test(struct cli *cli, struct rest *rest, struct str payload)
{
    struct rest_path path;
    struct rest_reply reply = { 0 };
    const char *type = cli_option(cli, "content-type");
    receiver_path(cli, &path, "/test");
    struct rest_request request = {
        .method = "POST",
        .path = path.text,
        .body = payload,
        .content_type = payload.len == 0 ? NULL
                        : type != NULL   ? type
                                         : "application/json",
    };
    struct rest_request checked = { 0 };
    if (type != NULL && !rest_add_header(cli, &checked, "Content-Type", type)) {
        return 2;
    }
    int code = 1;
    if (rest_send(rest, &request, &reply) && rest_is_good(&reply)) {
        json_t *answer = rest_reply_json(cli, &reply);
        bool taken = json_is_true(json_object_get(answer, "taken"));
        code = cli_print_json(cli, answer, NULL);
        code = code == 0 && taken ? 0 : 1;
        if (code != 0) {
            fprintf(stderr, "tidings receiver test: %s did not take it\n", cli->words[0]);
        }
    } else {
        code = rest_fail(cli, rest, &reply);
    }
    rest_reply_deinit(&reply);
    return code;
}

int cmd_receiver_test(struct cli *cli)
{
    struct buf payload;
    const char *path = cli_option(cli, "file");
    int code = 2;
    struct rest *rest = rest_open(cli);
    buf_init(&payload, INPUT_PAYLOAD_MAX);
    if (path != NULL && cli->word_count > 1) {
        fprintf(stderr, "tidings receiver test: a payload or --file, not both\n");
    } else if (rest != NULL && (path == NULL || input_read(cli, path, &payload)) &&
               (cli->word_count < 2 ||
                buf_add_str(&payload, str_of(cli->words[1])) == TIDINGS_OK)) {
        code = test(cli, rest, buf_str(&payload));
    }
    buf_deinit(&payload);
    rest_close(rest);
    return code;
}
