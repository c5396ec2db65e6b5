// SPDX-License-Identifier: Apache-2.0
#include "cli/attempts.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "cli/table.h"

enum { ATTEMPTS_MAX = 10000, POLL_LEAST_MS = 50, POLL_MOST_MS = 1000 };

static const char *text_of(json_t *row, const char *name)
{
    const char *text = json_string_value(json_object_get(row, name));
    return text != NULL ? text : "";
}

static bool add_page(void *arg, json_t *items, bool more)
{
    json_t *all = arg;
    (void)more;
    return json_array_extend(all, items) == 0 && json_array_size(all) < ATTEMPTS_MAX;
}

json_t *attempts_get(struct cli *cli, struct rest *rest, const char *id)
{
    struct rest_path path;
    rest_path_init(&path, "/v1/notifications");
    rest_path_segment(&path, id);
    json_t *whole = rest_json(cli, rest, "GET", path.text, NULL);
    size_t have = json_array_size(json_object_get(whole, "lastAttempts"));
    if (whole == NULL ||
        json_integer_value(json_object_get(whole, "attempts")) <= (json_int_t)have) {
        return whole;
    }
    json_t *all = json_array();
    rest_path_add(&path, "/attempts");
    rest_path_query(&path, "limit", "1000");
    if (!rest_pages(cli, rest, &path, add_page, all)) {
        json_decref(all);
        json_decref(whole);
        return NULL;
    }
    json_object_set_new(whole, "lastAttempts", all);
    return whole;
}

// 201 -> "201 none", without an answer only the class of the error.
static void print_attempt(json_t *row)
{
    char begun[32];
    char next[32];
    char reply[80];
    json_t *body = json_object_get(row, "reply");
    const char *error = text_of(row, "error");
    const char *class = text_of(row, "errorClass");
    int64_t status = json_integer_value(json_object_get(row, "status"));
    int64_t next_ms = json_integer_value(json_object_get(row, "nextDueAt"));
    clock_format_utc(json_integer_value(json_object_get(row, "begunAt")), begun, sizeof begun);
    printf("  attempt %lld  %s  ", (long long)json_integer_value(json_object_get(row, "number")),
           begun);
    if (status > 0) {
        printf("HTTP %lld", (long long)status);
    }
    if (strcmp(class, "none") != 0) {
        printf("%s%s", status > 0 ? " " : "", class);
    }
    if (error[0] != '\0') {
        table_text(str_of(error), reply, sizeof reply);
        printf("  %s", reply);
    }
    if (json_string_length(body) > 0) {
        table_text(str_make(json_string_value(body), json_string_length(body)), reply,
                   sizeof reply);
        printf("  \"%s\"", reply);
    }
    if (next_ms > 0) {
        clock_format_utc(next_ms, next, sizeof next);
        printf("  next %s", next);
    }
    printf("\n");
}

void attempts_print(json_t *notification)
{
    json_t *attempts = json_incref(json_object_get(notification, "lastAttempts"));
    size_t index;
    json_t *row;
    json_object_del(notification, "lastAttempts");
    table_object(notification);
    json_array_foreach(attempts, index, row)
    {
        print_attempt(row);
    }
    json_decref(attempts);
}

// The attempts that were not there when it was asked before.
static void print_new(json_t *whole, int64_t *seen)
{
    size_t index;
    json_t *row;
    json_array_foreach(json_object_get(whole, "lastAttempts"), index, row)
    {
        int64_t number = json_integer_value(json_object_get(row, "number"));
        if (number > *seen) {
            *seen = number;
            print_attempt(row);
        }
    }
    fflush(stdout);
}

static bool is_finished(json_t *whole)
{
    const char *state = text_of(whole, "state");
    return strcmp(state, "delivered") == 0 || strcmp(state, "dead") == 0 ||
           strcmp(state, "cancelled") == 0;
}

static int say_end(struct attempts_follow *follow, json_t *whole, const char *id)
{
    const char *state = text_of(whole, "state");
    const char *reason = text_of(whole, "reason");
    bool delivered = strcmp(state, "delivered") == 0;
    if (follow->whole != NULL) {
        json_array_append(follow->whole, whole);
    } else {
        printf("%s%s%s  %s  %s\n", state, reason[0] != '\0' ? ": " : "", reason, id,
               text_of(whole, "receiver"));
    }
    if (!delivered) {
        fprintf(stderr,
                "tidings %s: %s is %s, not delivered\n  tidings get %s tells why; tidings "
                "redeliver %s begins again\n",
                follow->cli->command->words, id, state, id, id);
    }
    return delivered ? 0 : 1;
}

// One look. NULL: not to be had now; *ret_stop: nor later.
static json_t *look(struct attempts_follow *follow, const char *path, int64_t left_us,
                    bool *ret_stop)
{
    struct rest_reply reply = { 0 };
    struct rest_request request = { .method = "GET", .path = path };
    json_t *whole = NULL;
    rest_set_timeout(follow->rest, left_us / 1000 < 1000 ? 1000 : left_us / 1000);
    if (rest_send(follow->rest, &request, &reply) && rest_is_good(&reply)) {
        whole = rest_reply_json(follow->cli, &reply);
        *ret_stop = whole == NULL;
    } else if (!rest_is_passing(&reply) && reply.failure != TIDINGS_E_CLOSED) {
        *ret_stop = true;
        (void)rest_fail(follow->cli, follow->rest, &reply);
    }
    rest_reply_deinit(&reply);
    return whole;
}

int attempts_follow(struct attempts_follow *follow, const char *id)
{
    struct rest_path path;
    int64_t seen = 0;
    int64_t pause_ms = POLL_LEAST_MS;
    bool stop = false;
    rest_path_init(&path, "/v1/notifications");
    rest_path_segment(&path, id);
    while (!stop) {
        int64_t left_us = follow->until_us - clock_mono_us(clock_system());
        json_t *whole = look(follow, path.text, left_us, &stop);
        if (whole != NULL && follow->whole == NULL) {
            print_new(whole, &seen);
        }
        if (whole != NULL && is_finished(whole)) {
            int code = say_end(follow, whole, id);
            json_decref(whole);
            return code;
        }
        json_decref(whole);
        if (!stop && (left_us <= 0 || rest_pause(pause_ms))) {
            fprintf(stderr,
                    "tidings %s: %s is not finished yet; the server goes on with it\n  look again "
                    "with: tidings get %s\n",
                    follow->cli->command->words, id, id);
            stop = true;
        }
        pause_ms = pause_ms * 3 / 2 < POLL_MOST_MS ? pause_ms * 3 / 2 : POLL_MOST_MS;
    }
    return 1;
}
