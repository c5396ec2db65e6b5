// SPDX-License-Identifier: Apache-2.0
// The table of commands and their options.
#include <stddef.h>

#include "cli/cli.h"

#define OPTION_COMMON                                                                              \
    { "name-server", "HOST:PORT", "name servers, several separated by ';' (127.0.0.1:9876)" },     \
        { "set", "NAME=VALUE",                                                                     \
          "a setting of the client library, see docs/reference/client-settings.md" },              \
    {                                                                                              \
        "json", NULL, "print JSON for machines"                                                    \
    }
#define OPTION_RETRY                                                                               \
    { "retry-ladder", "TEXT",                                                                      \
      "its own retry ladder: \"1m 5m 10m\", or a preset such as article; \"\" = default" },        \
        { "retry-window", "TIME",                                                                  \
          "no delivery later than this after the first failure, 0 = no window" },                  \
    {                                                                                              \
        "retry-limit", "N", "most deliveries after the first, 0 = as the ladder says"              \
    }

static const struct cli_option common_options[] = { OPTION_COMMON, { 0 } };
static const struct cli_option send_options[] = {
    { "tag", "TAG", "tag of the message" },
    { "key", "KEY", "key to find it by (the tx_no)" },
    { "property", "NAME=VALUE", "user property" },
    { "order-by", "KEY", "send to the queue chosen by this key" },
    { "delay", "TIME", "deliver after this time, exact to the millisecond" },
    { "delay-level", "N", "deliver after this level of the broker's table" },
    { "count", "N", "send it N times, with \" #n\" behind the body (1)" },
    { "file", "PATH", "take the body from a file, - for standard input" },
    OPTION_COMMON,
    { 0 },
};
static const struct cli_option consume_options[] = {
    { "group", "GROUP", "consumer group (tidings_cli)" },
    { "tags", "EXPRESSION", "\"A || B\" (*)" },
    { "sql", "CONDITION", "over properties, as \"amount > 100 AND currency = 'CNY'\"" },
    { "from", "WHERE", "last, first or a time in ms: where a new group begins (last)" },
    { "broadcast", NULL, "hear all messages alone, not as a member of the group" },
    { "count", "N", "end after N messages (0 = go on)" },
    { "timeout", "TIME", "end when nothing came for this time (0 = wait on)" },
    { "fail", "N",
      "answer \"later\" to the first N deliveries of each message, to see the ladder" },
    OPTION_COMMON,
    { 0 },
};
static const struct cli_option topic_options[] = {
    { "queues", "N", "read and write queues (4)" },
    { "perm", "N", "4 read + 2 write (6)" },
    OPTION_RETRY,
    OPTION_COMMON,
    { 0 },
};
static const struct cli_option group_options[] = { OPTION_RETRY, OPTION_COMMON, { 0 } };
static const struct cli_option reset_options[] = {
    { "to", "WHERE", "first, last or a time in ms since 1970 (must be given)" },
    OPTION_COMMON,
    { 0 }
};
static const struct cli_option dlq_options[] = { { "from", "OFFSET", "first dead letter (0)" },
                                                 { "max", "N", "most dead letters (100)" },
                                                 OPTION_COMMON,
                                                 { 0 } };
static const struct cli_option resend_options[] = { { "from", "OFFSET", "first dead letter (0)" },
                                                    { "count", "N", "how many (1)" },
                                                    { "all", NULL, "all there are" },
                                                    OPTION_COMMON,
                                                    { 0 } };
static const struct cli_option message_options[] = {
    { "id", "ID", "offset id from a send or a consumer" },
    { "topic", "TOPIC", "topic, with --key" },
    { "key", "KEY", "key or unique id, with --topic" },
    { "max", "N", "most messages (32)" },
    OPTION_COMMON,
    { 0 }
};
static const struct cli_option transaction_options[] = { { "parked", NULL,
                                                           "only those that ran out of checks" },
                                                         { "max", "N", "most rows (100)" },
                                                         OPTION_COMMON,
                                                         { 0 } };
static const struct cli_option preview_options[] = {
    { "start", "MS", "time of the first failure in ms since 1970 (now)" },
    { "max", "N", "most rows for ladders without end (32)" },
    { "json", NULL, "print JSON for machines" },
    { 0 },
};
static const struct cli_option no_options[] = { { 0 } };

const struct cli_command cli_commands[] = {
    { "send", "TOPIC [BODY]", 1, 2, cmd_send, send_options, "send a message" },
    { "consume", "TOPIC", 1, 1, cmd_consume, consume_options, "hear messages and print them" },
    { "topic list", "", 0, 0, cmd_topic_list, common_options, "all topics" },
    { "topic show", "TOPIC", 1, 1, cmd_topic_show, common_options,
      "queues and offsets of a topic" },
    { "topic create", "TOPIC", 1, 1, cmd_topic_create, topic_options, "make a topic or change it" },
    { "topic delete", "TOPIC", 1, 1, cmd_topic_delete, common_options,
      "delete a topic and its messages" },
    { "group list", "", 0, 0, cmd_group_list, common_options, "all consumer groups" },
    { "group show", "GROUP", 1, 1, cmd_group_show, common_options,
      "members and subscriptions of a group" },
    { "group create", "GROUP", 1, 1, cmd_group_create, group_options, "make a group or change it" },
    { "group delete", "GROUP", 1, 1, cmd_group_delete, common_options,
      "delete a group and its offsets" },
    { "offset show", "GROUP", 1, 1, cmd_offset_show, common_options, "how far a group has read" },
    { "offset reset", "GROUP TOPIC", 2, 2, cmd_offset_reset, reset_options,
      "set where a group reads on" },
    { "dlq list", "GROUP", 1, 1, cmd_dlq_list, dlq_options, "dead letters of a group" },
    { "dlq show", "GROUP OFFSET", 2, 2, cmd_dlq_show, common_options, "one dead letter, whole" },
    { "dlq resend", "GROUP", 1, 1, cmd_dlq_resend, resend_options, "deliver dead letters again" },
    { "message show", "", 0, 0, cmd_message_show, message_options,
      "look a message up by id or key" },
    { "transaction list", "", 0, 0, cmd_transaction_list, transaction_options,
      "half messages that are not yet decided" },
    { "transaction resume", "ID", 1, 1, cmd_transaction_resume, common_options,
      "ask again how a transaction ended" },
    { "ladder preview", "LADDER", 1, 1, cmd_ladder_preview, preview_options,
      "when would a ladder deliver (\"1m 5m 10m\", or article, rocketmq, wechat, alipay, …)" },
    { "completion", "bash|zsh|fish", 1, 1, cmd_completion, no_options, "shell completion script" },
    { "docs", "PAGE", 1, 1, cmd_docs, no_options, "print a page of docs/reference" },
    { 0 },
};
