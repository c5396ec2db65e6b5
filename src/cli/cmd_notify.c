// SPDX-License-Identifier: Apache-2.0
// tidings notify TYPE [PAYLOAD]: the raw form of a submission, so that the payload's bytes are
// exactly those that were given.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/attempts.h"
#include "cli/input.h"
#include "cli/rest.h"

enum { RECEIVERS_TEXT_MAX = 4096 };

struct submission {
    struct rest_request request;
    struct buf payload;
    struct buf receivers; // names with commas between, and a NUL
    char due[24];
};

static bool read_payload(struct cli *cli, struct buf *payload)
{
    const char *path = cli_option(cli, "file");
    if ((path != NULL) == (cli->word_count > 1)) {
        fprintf(stderr,
                "tidings notify: give the payload, or --file PATH (- for standard input)%s\n",
                path != NULL ? ", not both" : "");
        return false;
    }
    if (path != NULL) {
        return input_read(cli, path, payload);
    }
    return buf_add_str(payload, str_of(cli->words[1])) == TIDINGS_OK;
}

// What it is, when nobody says: JSON, text, or bytes.
static const char *content_type(const struct cli *cli, struct str payload)
{
    const char *said = cli_option(cli, "content-type");
    if (said != NULL) {
        return said;
    }
    json_t *value = payload.len > 0 ? json_loadb(payload.ptr, payload.len,
                                                 JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL)
                                    : NULL;
    bool is_json = value != NULL;
    json_decref(value);
    return is_json                ? "application/json"
           : str_is_utf8(payload) ? "text/plain; charset=utf-8"
                                  : "application/octet-stream";
}

static bool add_receiver(void *arg, struct str value)
{
    struct buf *out = arg;
    return value.len == 0 || ((out->len == 0 || buf_add(out, ",", 1) == TIDINGS_OK) &&
                              buf_add_str(out, value) == TIDINGS_OK);
}

static bool add_optional(struct cli *cli, struct submission *submission, const char *option,
                         const char *header)
{
    const char *value = cli_option(cli, option);
    return value == NULL || rest_add_header(cli, &submission->request, header, value);
}

static bool add_headers(struct cli *cli, struct submission *submission)
{
    const char *source = cli_option(cli, "source");
    const char *tx_no = cli_option(cli, "tx-no");
    int64_t due_ms;
    if (tx_no == NULL) {
        fprintf(stderr, "tidings notify: --tx-no must be given: the number of the business "
                        "transaction; the same one again is the same notification\n");
        return false;
    }
    if (!cli_when(cli, "due", true, 0, &due_ms)) {
        return false;
    }
    (void)snprintf(submission->due, sizeof submission->due, "%lld", (long long)due_ms);
    if (!input_each(cli, "receiver", add_receiver, &submission->receivers) ||
        buf_add(&submission->receivers, "", 1) != TIDINGS_OK) {
        fprintf(stderr, "tidings notify: the receivers' names are over %d bytes together\n",
                RECEIVERS_TEXT_MAX);
        return false;
    }
    struct rest_request *request = &submission->request;
    return rest_add_header(cli, request, "Tidings-Tx-No", tx_no) &&
           rest_add_header(cli, request, "Tidings-Source", source != NULL ? source : "cli") &&
           rest_add_header(cli, request, "Tidings-Type", cli->words[0]) &&
           (submission->receivers.len == 1 ||
            rest_add_header(cli, request, "Tidings-Receivers", submission->receivers.ptr)) &&
           add_optional(cli, submission, "ladder", "Tidings-Ladder") &&
           (due_ms == 0 || rest_add_header(cli, request, "Tidings-Due", submission->due)) &&
           add_optional(cli, submission, "idempotency-key", "Idempotency-Key");
}

static bool build(struct cli *cli, struct submission *submission)
{
    struct rest_request checked = { 0 };
    submission->request.method = "POST";
    submission->request.path = "/v1/notifications";
    if (!read_payload(cli, &submission->payload) || !add_headers(cli, submission)) {
        return false;
    }
    submission->request.body = buf_str(&submission->payload);
    submission->request.content_type = content_type(cli, submission->request.body);
    return rest_add_header(cli, &checked, "Content-Type", submission->request.content_type);
}

static json_t *submit(struct cli *cli, struct rest *rest, const struct rest_request *request)
{
    struct rest_reply reply = { 0 };
    json_t *root = NULL;
    if (rest_send(rest, request, &reply) && rest_is_good(&reply)) {
        root = rest_reply_json(cli, &reply);
    } else {
        (void)rest_fail(cli, rest, &reply);
    }
    rest_reply_deinit(&reply);
    json_t *rows = json_incref(json_object_get(root, "notifications"));
    json_decref(root);
    if (root != NULL && json_array_size(rows) == 0) {
        fprintf(stderr,
                "tidings notify: nobody subscribes to \"%s\"\n  name somebody with --receiver, or "
                "let one subscribe: tidings receiver set NAME --type %s\n",
                cli->words[0], cli->words[0]);
        json_decref(rows);
        rows = NULL;
    }
    return rows;
}

// Follows each to its end; together not longer than wait_ms.
static int follow_all(struct cli *cli, struct rest *rest, json_t *rows, int64_t wait_ms)
{
    struct attempts_follow follow = {
        .cli = cli,
        .rest = rest,
        .until_us = clock_mono_us(clock_system()) + wait_ms * 1000,
        .whole = cli->json ? json_array() : NULL,
    };
    int code = 0;
    size_t index;
    json_t *row;
    json_array_foreach(rows, index, row)
    {
        const char *id = json_string_value(json_object_get(row, "id"));
        int one = attempts_follow(&follow, id != NULL ? id : "");
        code = one > code ? one : code;
    }
    if (follow.whole != NULL) {
        (void)cli_print_json(cli, follow.whole, NULL);
    }
    return code;
}

static int finish(struct cli *cli, struct rest *rest, json_t *rows, int64_t wait_ms)
{
    static const char *const columns[] = { "id", "receiver", "duplicate", NULL };
    if (rows == NULL) {
        return 1;
    }
    if (wait_ms < 0) {
        return cli_print_json(cli, rows, columns);
    }
    if (!cli->json) {
        (void)cli_print_json(cli, json_incref(rows), columns);
        fflush(stdout);
    }
    int code = follow_all(cli, rest, rows, wait_ms);
    json_decref(rows);
    return code;
}

int cmd_notify(struct cli *cli)
{
    struct submission submission = { 0 };
    int64_t wait_ms;
    int code = 2;
    if (!cli_time_ms(cli, "wait", -1, &wait_ms)) {
        return 2;
    }
    struct rest *rest = rest_open(cli);
    buf_init(&submission.payload, INPUT_PAYLOAD_MAX);
    buf_init(&submission.receivers, RECEIVERS_TEXT_MAX);
    if (rest != NULL && build(cli, &submission)) {
        code = finish(cli, rest, submit(cli, rest, &submission.request), wait_ms);
    }
    buf_deinit(&submission.payload);
    buf_deinit(&submission.receivers);
    rest_close(rest);
    return code;
}
