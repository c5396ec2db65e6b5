// SPDX-License-Identifier: Apache-2.0
// The table of commands and their options.
#include <stddef.h>

#include "cli/cli.h"
#include "cli/options.h"

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
static const struct cli_option json_options[] = { { "json", NULL, "print JSON for machines" },
                                                  { 0 } };
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
    { "ladder list", "", 0, 0, cmd_ladder_list, json_options, "the presets of ladders" },
    { "notify", "TYPE [PAYLOAD]", 1, 2, cmd_notify, options_notify, "hand a notification over" },
    { "get", "ID", 1, 1, cmd_get, options_get, "one notification, whole, with its attempts" },
    { "list", "", 0, 0, cmd_list, options_list, "notifications, oldest first" },
    { "redeliver", "[ID]", 0, 1, cmd_redeliver, options_redeliver,
      "deliver a finished notification again, or all that fit" },
    { "cancel", "ID", 1, 1, cmd_cancel, options_api, "end a notification that waits" },
    { "job list", "", 0, 0, cmd_job_list, options_api, "redeliveries of many, newest first" },
    { "job show", "JOB", 1, 1, cmd_job_show, options_api, "how far a redelivery is" },
    { "job cancel", "JOB", 1, 1, cmd_job_cancel, options_api,
      "end a redelivery; what it has set going stays" },
    { "receiver list", "", 0, 0, cmd_receiver_list, options_api, "all receivers" },
    { "receiver show", "NAME", 1, 1, cmd_receiver_show, options_api,
      "one receiver, its settings and how it is doing" },
    { "receiver create", "NAME", 1, 1, cmd_receiver_create, options_receiver, "make a receiver" },
    { "receiver set", "NAME", 1, 1, cmd_receiver_set, options_receiver_set,
      "change some settings of a receiver" },
    { "receiver pause", "NAME", 1, 1, cmd_receiver_pause, options_api,
      "accept for it, but do not send" },
    { "receiver resume", "NAME", 1, 1, cmd_receiver_resume, options_api,
      "send again; also closes an open breaker" },
    { "receiver retire", "NAME", 1, 1, cmd_receiver_retire, options_api,
      "take nothing more for it; what waits is cancelled" },
    { "receiver rotate", "NAME", 1, 1, cmd_receiver_rotate, options_rotate,
      "give it a new secret, shown once" },
    { "receiver test", "NAME [PAYLOAD]", 1, 2, cmd_receiver_test, options_test,
      "make one attempt now, not on record" },
    { "binding list", "", 0, 0, cmd_binding_list, options_api,
      "topics that are listened to for receivers" },
    { "binding show", "NAME", 1, 1, cmd_binding_show, options_api, "one binding" },
    { "binding put", "NAME", 1, 1, cmd_binding_put, options_binding,
      "make a binding or replace it" },
    { "binding delete", "NAME", 1, 1, cmd_binding_delete, options_api, "listen no more" },
    { "key create", "ROLE NAME", 2, 2, cmd_key_create, options_key,
      "make an API key for an operator, initiator or receiver, and its line for the keys file" },
    { "listen", "", 0, 0, cmd_listen, options_listen,
      "be a receiver on this machine that prints what comes" },
    { "doctor", "", 0, 0, cmd_doctor, options_doctor, "look at everything and say what to do" },
    { "completion", "bash|zsh|fish", 1, 1, cmd_completion, no_options, "shell completion script" },
    { "docs", "PAGE", 1, 1, cmd_docs, no_options, "print a page of docs/reference" },
    { 0 },
};
