// SPDX-License-Identifier: Apache-2.0
// tidings send TOPIC [BODY]
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/input.h"

// The body: the argument, a file, or standard input.
static bool read_body(const struct cli *cli, struct buf *body)
{
    const char *path = cli_option(cli, "file");
    if (path == NULL) {
        struct str text = str_of(cli->word_count > 1 ? cli->words[1] : "");
        return buf_add_str(body, text) == TIDINGS_OK;
    }
    return input_read(cli, path, body);
}

static tidings_status set_property(tidings_message *message, const char *text)
{
    const char *equals = strchr(text, '=');
    char name[256];
    if (equals == NULL || !str_copy(name, sizeof name, str_make(text, (size_t)(equals - text)))) {
        return TIDINGS_E_INVALID;
    }
    return tidings_message_set_property(message, name, equals + 1);
}

static tidings_status set_options(const struct cli *cli, tidings_message *message)
{
    tidings_status status = TIDINGS_OK;
    for (int i = 0; i < cli->option_count && status == TIDINGS_OK; i++) {
        const char *name = cli->options[i].name;
        const char *value = cli->options[i].value;
        if (strcmp(name, "tag") == 0) {
            status = tidings_message_set_tag(message, value);
        } else if (strcmp(name, "key") == 0) {
            status = tidings_message_add_key(message, value);
        } else if (strcmp(name, "property") == 0) {
            status = set_property(message, value);
        }
        if (status != TIDINGS_OK) {
            fprintf(stderr, "tidings send: --%s \"%s\": %s\n", name, value,
                    tidings_status_text(status));
        }
    }
    return status;
}

static bool set_delay(const struct cli *cli, tidings_message *message)
{
    int64_t level;
    int64_t delay_ms;
    if (!cli_number(cli, "delay-level", 0, 1, 64, &level) ||
        !cli_time_ms(cli, "delay", -1, &delay_ms)) {
        return false;
    }
    tidings_status status = TIDINGS_OK;
    if (level > 0) {
        status = tidings_message_set_delay_level(message, (int)level);
    }
    if (status == TIDINGS_OK && delay_ms >= 0) {
        status = tidings_message_set_delay_ms(message, delay_ms);
    }
    if (status != TIDINGS_OK) {
        fprintf(stderr, "tidings send: %s\n", tidings_status_text(status));
    }
    return status == TIDINGS_OK;
}

static void print_result(const struct cli *cli, const tidings_send_result *result)
{
    const char *format =
        cli->json
            ? "{\"id\":\"%s\",\"offsetId\":\"%s\",\"broker\":\"%s\",\"queue\":%d,\"offset\":%lld}\n"
            : "sent  id=%s  offset-id=%s  broker=%s  queue=%d  offset=%lld\n";
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    printf(format, tidings_send_result_id(result), tidings_send_result_offset_id(result),
           tidings_send_result_broker(result), tidings_send_result_queue_id(result),
           (long long)tidings_send_result_queue_offset(result));
#pragma GCC diagnostic pop
}

static int send_one(struct cli *cli, tidings_producer *producer, struct str body)
{
    struct tidings_error err = { 0 };
    tidings_send_result *result = NULL;
    const char *order_by = cli_option(cli, "order-by");
    tidings_message *message = tidings_message_new(cli->words[0], body.ptr, body.len);
    if (message == NULL) {
        fprintf(stderr, "tidings send: \"%s\" is no topic name: 1 to 127 of %% | a-z A-Z 0-9 _ -\n",
                cli->words[0]);
        return 1;
    }
    int code = 1;
    if (set_options(cli, message) == TIDINGS_OK && set_delay(cli, message)) {
        tidings_status status =
            order_by != NULL
                ? tidings_producer_send_ordered(producer, message, order_by, &result, &err)
                : tidings_producer_send(producer, message, &result, &err);
        code = status == TIDINGS_OK ? 0 : cli_fail(cli, status, &err);
    }
    if (code == 0) {
        print_result(cli, result);
    }
    tidings_send_result_free(result);
    tidings_message_free(message);
    return code;
}

static int send_all(struct cli *cli, tidings_producer *producer, struct buf *body, int64_t count)
{
    size_t len = body->len;
    int code = 0;
    for (int64_t i = 1; i <= count && code == 0; i++) {
        body->len = len;
        if (count > 1 && buf_addf(body, " #%lld", (long long)i) != TIDINGS_OK) {
            return 1;
        }
        code = send_one(cli, producer, buf_str(body));
    }
    return code;
}

int cmd_send(struct cli *cli)
{
    struct tidings_error err = { 0 };
    tidings_producer *producer = NULL;
    struct buf body;
    int64_t count;
    int code = 1;
    if (!cli_number(cli, "count", 1, 1, 1000000, &count)) {
        return 2;
    }
    tidings_config *config = cli_config(cli, "tidings_cli");
    if (config == NULL) {
        return 2;
    }
    buf_init(&body, INPUT_PAYLOAD_MAX);
    if (read_body(cli, &body)) {
        tidings_status status = tidings_producer_new(config, &producer, &err);
        if (status == TIDINGS_OK) {
            status = tidings_producer_start(producer, &err);
        }
        code = status == TIDINGS_OK ? send_all(cli, producer, &body, count)
                                    : cli_fail(cli, status, &err);
    }
    tidings_producer_free(producer);
    tidings_config_free(config);
    buf_deinit(&body);
    return code;
}
