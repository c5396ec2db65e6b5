// SPDX-License-Identifier: Apache-2.0
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/num.h"
#include "cli/listen.h"
#include "cli/table.h"

enum { BODY_SHOWN = 120, BODY_JSON_MAX = 64 * 1024 };

static const char *const names[] = {
    [LISTEN_TAKEN] = "taken", [LISTEN_AGAIN] = "again",     [LISTEN_FAILED] = "failed",
    [LISTEN_HUNG] = "hung",   [LISTEN_REFUSED] = "refused",
};

// A header's value as JSON text, null when it is absent or no UTF-8.
static json_t *header(const struct listen_delivery *delivery, const char *name, const char *event)
{
    const char *value = listen_header(delivery->request, name, event);
    json_t *text = value != NULL ? json_string(value) : NULL;
    return text != NULL ? text : json_null();
}

static json_t *text_or_null(const char *text)
{
    size_t len = strlen(text);
    json_t *value = len > 0 ? json_stringn(text, len) : NULL;
    for (int cut = 1; cut < 4 && value == NULL && len > 0; cut++) { // within a character
        value = json_stringn(text, --len);
    }
    return value != NULL ? value : json_null();
}

static void print_json(const struct listen_delivery *delivery)
{
    struct str body = delivery->request->body;
    int64_t number;
    bool counts = num_parse_i64(str_of(delivery->attempt), 0, INT32_MAX, &number);
    json_t *text = body.len <= BODY_JSON_MAX && body.len > 0 ? json_stringn(body.ptr, body.len)
                   : body.len == 0                           ? json_string("")
                                                             : NULL;
    json_t *row = json_pack(
        "{s:I,s:s,s:s,s:o,s:o,s:o,s:o,s:o,s:o,s:I,s:s,s:s,s:o,s:s,s:i,s:o}", "at",
        (json_int_t)clock_wall_ms(clock_system()), "method", delivery->request->method, "path",
        delivery->request->path, "id", header(delivery, "webhook-id", "webhook-id"), "attempt",
        counts ? json_integer(number) : json_null(), "type",
        header(delivery, "tidings-type", "ce-type"), "source",
        header(delivery, "tidings-source", "ce-source"), "txNo",
        header(delivery, "tidings-tx-no", "ce-id"), "contentType",
        header(delivery, "Content-Type", "Content-Type"), "size", (json_int_t)body.len, "signature",
        delivery->verdict, "why", delivery->why, "right", text_or_null(delivery->right), "answer",
        names[delivery->answer], "status", delivery->status, "body",
        text != NULL ? text : json_null());
    char *line = row != NULL ? json_dumps(row, JSON_COMPACT) : NULL;
    printf("%s\n", line != NULL ? line : "{}");
    free(line);
    json_decref(row);
}

static void print_text(const struct listener *listener, const struct listen_delivery *delivery)
{
    char time[32];
    char id[SIGN_ID_MAX + 1];
    char attempt[16];
    char type[80];
    char body[BODY_SHOWN];
    clock_format_utc(clock_wall_ms(clock_system()), time, sizeof time);
    table_text(str_of(delivery->id[0] != '\0' ? delivery->id : "(no id)"), id, sizeof id);
    table_text(str_of(delivery->attempt[0] != '\0' ? delivery->attempt : "-"), attempt,
               sizeof attempt);
    table_text(str_of(delivery->type[0] != '\0' ? delivery->type : "-"), type, sizeof type);
    table_text(delivery->request->body, body, sizeof body);
    printf("%s  %s  attempt=%s  type=%s  %zu bytes  signature: %s%s%s  ", time, id, attempt, type,
           delivery->request->body.len, delivery->verdict, delivery->why[0] != '\0' ? ", " : "",
           delivery->why);
    switch (delivery->answer) {
    case LISTEN_FAILED:
        printf("-> %d (%lld of %lld)", delivery->status, (long long)delivery->number,
               (long long)listener->fail);
        break;
    case LISTEN_HUNG:
        printf("-> no answer (%lld of %lld)", (long long)(delivery->number - listener->fail),
               (long long)listener->hang);
        break;
    case LISTEN_AGAIN: printf("-> %d (again)", delivery->status); break;
    default: printf("-> %d", delivery->status);
    }
    printf("  %s%s\n", body,
           delivery->request->body.len >= sizeof body && body[0] != '\0' ? "…" : "");
    if (delivery->right[0] != '\0') {
        char right[LISTEN_RIGHT_SIZE];
        table_text(str_of(delivery->right), right, sizeof right);
        printf("    right would be %s\n", right);
    }
}

void listen_print(const struct listener *listener, const struct listen_delivery *delivery)
{
    if (listener->quiet) {
        return;
    }
    if (listener->cli->json) {
        print_json(delivery);
    } else {
        print_text(listener, delivery);
    }
    fflush(stdout);
}

void listen_print_sum(const struct listener *listener)
{
    const int64_t *counts = listener->counts;
    int64_t heard = 0;
    for (int i = 0; i <= LISTEN_REFUSED; i++) {
        heard += counts[i];
    }
    printf(listener->cli->json
               ? "{\"heard\":%lld,\"taken\":%lld,\"again\":%lld,\"failed\":%lld,\"hung\":%lld,"
                 "\"refused\":%lld}\n"
               : "heard %lld: taken %lld, taken again %lld, failed %lld, not answered %lld, "
                 "refused %lld\n",
           (long long)heard, (long long)counts[LISTEN_TAKEN], (long long)counts[LISTEN_AGAIN],
           (long long)counts[LISTEN_FAILED], (long long)counts[LISTEN_HUNG],
           (long long)counts[LISTEN_REFUSED]);
    fflush(stdout);
}
