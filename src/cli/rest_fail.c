// SPDX-License-Identifier: Apache-2.0
// What the server said, for people, with the next step.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/rest.h"
#include "cli/table.h"

static const char *text_of(json_t *problem, const char *name)
{
    return json_string_value(json_object_get(problem, name));
}

// Of a path: where its kind of thing is listed.
static const char *where_listed(const char *words)
{
    if (strncmp(words, "receiver", 8) == 0) {
        return "tidings receiver list shows which there are";
    }
    if (strncmp(words, "binding", 7) == 0) {
        return "tidings binding list shows which there are";
    }
    if (strncmp(words, "job", 3) == 0) {
        return "tidings job list shows which there are";
    }
    return "tidings list shows what there is; finished ones go when their retention is over";
}

static const char *next_step(const char *words, int status, json_t *problem)
{
    switch (status) {
    case 401:
        return "give a key with TIDINGS_KEY or --key-file; make one with: tidings key create ROLE "
               "NAME";
    case 403: return "use a key whose role may do that; tidings key create operator NAME makes one";
    case 404:
        return problem != NULL ? where_listed(words)
                               : "is this the HTTP port of a Tidings server? name it with --server";
    case 409:
        return text_of(problem, "storedHash") != NULL
                   ? "another payload needs another --tx-no; tidings get ID shows what is there"
                   : "look at it as it is now, with get or show";
    case 412: return "somebody changed it meanwhile: look at it again and take its version";
    case 413: return "make it smaller, or the server's limit larger";
    case 429: return "try again later, or give the key a higher rate in the keys file";
    case 502:
    case 503:
    case 504: return "try again in a while; tidings doctor tells more";
    default: return NULL;
    }
}

static void say(const char *text)
{
    char safe[1024];
    table_text(str_of(text), safe, sizeof safe);
    fprintf(stderr, "%s", safe);
}

static void say_problem(json_t *problem, int status)
{
    const char *title = text_of(problem, "title");
    const char *detail = text_of(problem, "detail");
    const char *field = text_of(problem, "field");
    if (field != NULL) {
        say(field);
        fprintf(stderr, ": ");
    }
    say(detail != NULL ? detail : title != NULL ? title : "the server refused it");
    fprintf(stderr, " (HTTP %d)\n", status);
    static const char *const more[][2] = { { "id", "notification" },
                                           { "storedHash", "stored payload, SHA-256" },
                                           { "submittedHash", "submitted payload, SHA-256" },
                                           { "permission", "missing permission" } };
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++) {
        const char *text = text_of(problem, more[i][0]);
        if (text != NULL) {
            fprintf(stderr, "  %s: ", more[i][1]);
            say(text);
            fprintf(stderr, "\n");
        }
    }
}

static int fail_without_reply(const struct cli *cli, const struct rest *rest,
                              const struct rest_reply *reply)
{
    fprintf(stderr, "tidings %s: %s: %s\n", cli->command->words, rest_server(rest), reply->error);
    if (reply->failure == TIDINGS_E_NETWORK || reply->failure == TIDINGS_E_TIMEOUT) {
        fprintf(stderr, "  is the server running? start one with: tidings serve --data DIR; name "
                        "another with --server\n");
    }
    return 1;
}

int rest_fail(const struct cli *cli, const struct rest *rest, const struct rest_reply *reply)
{
    if (reply->failure != TIDINGS_OK) {
        return fail_without_reply(cli, rest, reply);
    }
    json_t *problem = json_loadb(reply->body.ptr != NULL ? reply->body.ptr : "", reply->body.len,
                                 JSON_ALLOW_NUL, NULL);
    if (!json_is_object(problem) || text_of(problem, "title") == NULL) {
        json_decref(problem);
        problem = NULL;
    }
    fprintf(stderr, "tidings %s: ", cli->command->words);
    if (problem != NULL) {
        say_problem(problem, reply->status);
    } else {
        char line[200];
        table_text(buf_str(&reply->body), line, sizeof line);
        fprintf(stderr, "%s answers HTTP %d: %s\n", rest_server(rest), reply->status, line);
    }
    if (reply->retry_after_s > 0) {
        fprintf(stderr, "  may be tried again in %lld s\n", (long long)reply->retry_after_s);
    }
    const char *step = next_step(cli->command->words, reply->status, problem);
    if (step != NULL) {
        fprintf(stderr, "  %s\n", step);
    }
    json_decref(problem);
    return 1;
}

json_t *rest_reply_json(const struct cli *cli, const struct rest_reply *reply)
{
    json_error_t why;
    if (reply->body.len == 0) {
        return json_object();
    }
    json_t *root = json_loadb(reply->body.ptr, reply->body.len, JSON_ALLOW_NUL, &why);
    if (!json_is_object(root)) {
        fprintf(stderr, "tidings %s: the server's answer is no JSON object%s%s\n",
                cli->command->words, root == NULL ? ": " : "", root == NULL ? why.text : "");
        json_decref(root);
        root = NULL;
    }
    return root;
}

json_t *rest_json(struct cli *cli, struct rest *rest, const char *method, const char *path,
                  json_t *body)
{
    struct rest_reply reply = { 0 };
    json_t *root = NULL;
    char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
    struct rest_request request = {
        .method = method,
        .path = path,
        .body = str_of(text),
        .content_type = body == NULL                   ? NULL
                        : strcmp(method, "PATCH") == 0 ? "application/merge-patch+json"
                                                       : "application/json",
    };
    if (body != NULL && text == NULL) {
        fprintf(stderr, "tidings: no memory\n");
    } else if (rest_send(rest, &request, &reply) && rest_is_good(&reply)) {
        root = rest_reply_json(cli, &reply);
    } else {
        (void)rest_fail(cli, rest, &reply);
    }
    if (text != NULL) {
        explicit_bzero(text, strlen(text)); // settings have secrets
    }
    free(text);
    json_decref(body);
    rest_reply_deinit(&reply);
    return root;
}
