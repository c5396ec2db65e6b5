// SPDX-License-Identifier: Apache-2.0
// tidings topic|group|offset|dlq|message …
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/num.h"
#include "cli/cli.h"

enum { DLQ_MAX = 100000, TRANSACTIONS_MAX = 10000 };

// Opens an admin, or says why not.
static tidings_admin *open_admin(struct cli *cli)
{
    struct tidings_error err = { 0 };
    tidings_admin *admin = NULL;
    tidings_config *config = cli_config(cli, "tidings_cli");
    if (config == NULL) {
        return NULL;
    }
    tidings_status status = tidings_admin_new(config, &admin, &err);
    tidings_config_free(config);
    if (status != TIDINGS_OK) {
        (void)cli_fail(cli, status, &err);
    }
    return admin;
}

// Prints what a call returned, or why it failed.
static int finish(struct cli *cli, tidings_admin *admin, tidings_status status,
                  const struct tidings_error *err, char *json, bool rows)
{
    tidings_admin_free(admin);
    if (status != TIDINGS_OK) {
        return cli_fail(cli, status, err);
    }
    if (json == NULL) {
        return 0;
    }
    return rows ? cli_print_rows(cli, json) : cli_print_object(cli, json);
}

#define OPEN_ADMIN                                                                                 \
    struct tidings_error err = { 0 };                                                              \
    char *json = NULL;                                                                             \
    tidings_admin *admin = open_admin(cli);                                                        \
    if (admin == NULL) {                                                                           \
        return 1;                                                                                  \
    }

int cmd_topic_list(struct cli *cli)
{
    OPEN_ADMIN
    tidings_status status = tidings_admin_topics(admin, &json, &err);
    return finish(cli, admin, status, &err, json, true);
}

int cmd_topic_show(struct cli *cli)
{
    OPEN_ADMIN
    tidings_status status = tidings_admin_topic(admin, cli->words[0], &json, &err);
    return finish(cli, admin, status, &err, json, false);
}

struct retry { // --retry-ladder, --retry-window, --retry-limit
    const char *ladder;
    int64_t window_ms;
    int64_t limit;
};

static bool read_retry(const struct cli *cli, struct retry *ret)
{
    ret->ladder = cli_option(cli, "retry-ladder");
    return cli_time_ms(cli, "retry-window", -1, &ret->window_ms) &&
           cli_number(cli, "retry-limit", -1, 0, 1000000, &ret->limit);
}

static int say_done(struct cli *cli, const char *what)
{
    printf(cli->json ? "{\"done\":\"%s\"}\n" : "%s: done\n", what);
    return 0;
}

int cmd_topic_create(struct cli *cli)
{
    struct retry retry;
    int64_t queues;
    int64_t perm;
    if (!read_retry(cli, &retry) || !cli_number(cli, "queues", 4, 1, 1024, &queues) ||
        !cli_number(cli, "perm", 6, 0, 7, &perm)) {
        return 2;
    }
    OPEN_ADMIN
    tidings_status status =
        tidings_admin_topic_create(admin, cli->words[0], (int)queues, (int)perm, retry.ladder,
                                   retry.window_ms, (int)retry.limit, &err);
    int code = finish(cli, admin, status, &err, json, false);
    return code == 0 ? say_done(cli, cli->words[0]) : code;
}

int cmd_topic_delete(struct cli *cli)
{
    OPEN_ADMIN
    tidings_status status = tidings_admin_topic_delete(admin, cli->words[0], &err);
    int code = finish(cli, admin, status, &err, json, false);
    return code == 0 ? say_done(cli, cli->words[0]) : code;
}

int cmd_group_list(struct cli *cli)
{
    OPEN_ADMIN
    tidings_status status = tidings_admin_groups(admin, &json, &err);
    return finish(cli, admin, status, &err, json, true);
}

int cmd_group_show(struct cli *cli)
{
    OPEN_ADMIN
    tidings_status status = tidings_admin_group(admin, cli->words[0], &json, &err);
    return finish(cli, admin, status, &err, json, false);
}

int cmd_group_create(struct cli *cli)
{
    struct retry retry;
    if (!read_retry(cli, &retry)) {
        return 2;
    }
    OPEN_ADMIN
    tidings_status status = tidings_admin_group_create(admin, cli->words[0], retry.ladder,
                                                       retry.window_ms, (int)retry.limit, &err);
    int code = finish(cli, admin, status, &err, json, false);
    return code == 0 ? say_done(cli, cli->words[0]) : code;
}

int cmd_group_delete(struct cli *cli)
{
    OPEN_ADMIN
    tidings_status status = tidings_admin_group_delete(admin, cli->words[0], &err);
    int code = finish(cli, admin, status, &err, json, false);
    return code == 0 ? say_done(cli, cli->words[0]) : code;
}

// The rows "offsets" of what group show tells.
int cmd_offset_show(struct cli *cli)
{
    OPEN_ADMIN
    tidings_status status = tidings_admin_group(admin, cli->words[0], &json, &err);
    if (status == TIDINGS_OK) {
        json_t *root = json_loads(json, 0, NULL);
        json_t *rows = json_object_get(root, "offsets");
        char *text = json_dumps(rows, JSON_COMPACT);
        tidings_text_free(json);
        json = NULL;
        if (text != NULL) {
            json = text; // tidings_text_free is free()
        } else {
            status = error_set(&err, TIDINGS_E_PROTOCOL, "the answer has no offsets");
        }
        json_decref(root);
    }
    return finish(cli, admin, status, &err, json, true);
}

int cmd_offset_reset(struct cli *cli)
{
    const char *to = cli_option(cli, "to");
    int64_t wall_ms = 0;
    if (to == NULL || (strcmp(to, "first") != 0 && strcmp(to, "last") != 0 &&
                       !num_parse_i64(str_of(to), 0, INT64_MAX, &wall_ms))) {
        fprintf(stderr,
                "tidings offset reset: say --to first, --to last or --to MS (since 1970)\n");
        return 2;
    }
    if (strcmp(to, "last") == 0) {
        wall_ms = -1;
    }
    OPEN_ADMIN
    tidings_status status =
        tidings_admin_offset_reset(admin, cli->words[0], cli->words[1], wall_ms, &json, &err);
    return finish(cli, admin, status, &err, json, true);
}

int cmd_dlq_list(struct cli *cli)
{
    int64_t from;
    int64_t max;
    if (!cli_number(cli, "from", 0, 0, INT64_MAX, &from) ||
        !cli_number(cli, "max", 100, 1, DLQ_MAX, &max)) {
        return 2;
    }
    OPEN_ADMIN
    tidings_status status =
        tidings_admin_dead_letters(admin, cli->words[0], from, (int)max, &json, &err);
    return finish(cli, admin, status, &err, json, true);
}

int cmd_dlq_show(struct cli *cli)
{
    int64_t offset;
    if (!num_parse_i64(str_of(cli->words[1]), 0, INT64_MAX, &offset)) {
        fprintf(stderr,
                "tidings dlq show: OFFSET must be a whole number, see tidings dlq list %s\n",
                cli->words[0]);
        return 2;
    }
    OPEN_ADMIN
    tidings_status status =
        tidings_admin_dead_letters(admin, cli->words[0], offset, 1, &json, &err);
    return finish(cli, admin, status, &err, json, true);
}

int cmd_dlq_resend(struct cli *cli)
{
    int64_t from;
    int64_t count;
    int64_t sent = 0;
    if (!cli_number(cli, "from", 0, 0, INT64_MAX, &from) ||
        !cli_number(cli, "count", 1, 1, INT64_MAX, &count)) {
        return 2;
    }
    if (cli_switch(cli, "all")) {
        count = INT64_MAX;
    }
    OPEN_ADMIN
    tidings_status status =
        tidings_admin_dead_letters_resend(admin, cli->words[0], from, count, &sent, &err);
    int code = finish(cli, admin, status, &err, json, false);
    printf(cli->json ? "{\"sent\":%lld}\n" : "sent again: %lld\n", (long long)sent);
    return code;
}

int cmd_transaction_list(struct cli *cli)
{
    int64_t max;
    if (!cli_number(cli, "max", 100, 1, TRANSACTIONS_MAX, &max)) {
        return 2;
    }
    OPEN_ADMIN
    tidings_status status =
        tidings_admin_transactions(admin, cli_switch(cli, "parked"), (int)max, &json, &err);
    return finish(cli, admin, status, &err, json, true);
}

int cmd_transaction_resume(struct cli *cli)
{
    OPEN_ADMIN
    tidings_status status = tidings_admin_transaction_resume(admin, cli->words[0], &err);
    int code = finish(cli, admin, status, &err, json, false);
    return code == 0 ? say_done(cli, cli->words[0]) : code;
}

int cmd_message_show(struct cli *cli)
{
    const char *id = cli_option(cli, "id");
    const char *topic = cli_option(cli, "topic");
    const char *key = cli_option(cli, "key");
    int64_t max;
    if ((id == NULL) == (topic == NULL || key == NULL)) {
        fprintf(stderr, "tidings message show: say --id ID, or --topic TOPIC --key KEY\n");
        return 2;
    }
    if (!cli_number(cli, "max", 32, 1, 64, &max)) {
        return 2;
    }
    OPEN_ADMIN
    tidings_status status =
        id != NULL ? tidings_admin_message_by_id(admin, id, &json, &err)
                   : tidings_admin_message_by_key(admin, topic, key, (int)max, &json, &err);
    return finish(cli, admin, status, &err, json, true);
}
