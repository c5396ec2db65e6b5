// SPDX-License-Identifier: Apache-2.0
// The commands of `tidings`: a table of rows; each is one function. Common options are read before
// it runs. Exit codes: 0 done, 1 failed (said on stderr, with the next step), 2 wrong usage.
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <tidings/tidings.h>

enum { CLI_WORDS_MAX = 8, CLI_OPTIONS_MAX = 128 };

struct cli_option {
    const char *name;  // without the dashes
    const char *value; // what its value is called in the help, NULL for a switch
    const char *text;
};

struct cli;
struct cli_command {
    const char *words;     // "topic list"
    const char *arguments; // "TOPIC", "" for none
    int arguments_min;
    int arguments_max;
    int (*run)(struct cli *cli);
    const struct cli_option *options; // ended by a NULL name
    const char *text;
};

struct cli {
    const struct cli_command *command;
    const char *words[CLI_WORDS_MAX]; // arguments behind the command's own words
    int word_count;
    struct {
        const char *name;
        const char *value; // "" for a switch
    } options[CLI_OPTIONS_MAX];
    int option_count;
    bool json; // --json, or not a terminal and asked by nobody: only by --json
};

extern const struct cli_command cli_commands[]; // ended by NULL words

// Value of an option, NULL when it was not given.
const char *cli_option(const struct cli *cli, const char *name);
bool cli_switch(const struct cli *cli, const char *name);
// Number or time of an option within bounds; false when it was said on stderr that it is wrong.
bool cli_number(const struct cli *cli, const char *name, int64_t absent, int64_t least,
                int64_t greatest, int64_t *ret);
bool cli_time_ms(const struct cli *cli, const char *name, int64_t absent, int64_t *ret);
// A point in time, in milliseconds since 1970: "10m" is so far from now, ahead of it or before it;
// "2026-11-24T10:30:00Z", "2026-11-24" and a number are what they say.
bool cli_when(const struct cli *cli, const char *name, bool ahead, int64_t absent, int64_t *ret_ms);
// Settings for the library from --name-server and --set; NULL when it was said on stderr what is
// wrong.
tidings_config *cli_config(const struct cli *cli, const char *group);
// Says what failed and, where one is known, the next step. Returns 1.
int cli_fail(const struct cli *cli, tidings_status status, const struct tidings_error *err);
// Prints a JSON array of objects as a table (or as it is with --json). Takes the text.
int cli_print_rows(const struct cli *cli, char *json);
// Prints one JSON object as lines of name and value (or as it is with --json). Takes the text.
int cli_print_object(const struct cli *cli, char *json);
// Prints rows or an object as above. Takes the value; NULL (said on stderr already) is exit code 1.
// columns, ended by NULL: the members that people see, or NULL for all of the first row.
int cli_print_json(const struct cli *cli, json_t *root, const char *const *columns);

#define CLI_RUN_MAP(R)                                                                             \
    R(cmd_send)                                                                                    \
    R(cmd_consume)                                                                                 \
    R(cmd_topic_list)                                                                              \
    R(cmd_topic_show)                                                                              \
    R(cmd_topic_create)                                                                            \
    R(cmd_topic_delete)                                                                            \
    R(cmd_group_list)                                                                              \
    R(cmd_group_show)                                                                              \
    R(cmd_group_create)                                                                            \
    R(cmd_group_delete)                                                                            \
    R(cmd_offset_show)                                                                             \
    R(cmd_offset_reset)                                                                            \
    R(cmd_dlq_list)                                                                                \
    R(cmd_dlq_show)                                                                                \
    R(cmd_dlq_resend)                                                                              \
    R(cmd_message_show)                                                                            \
    R(cmd_transaction_list)                                                                        \
    R(cmd_transaction_resume)                                                                      \
    R(cmd_ladder_preview)                                                                          \
    R(cmd_ladder_list)                                                                             \
    R(cmd_notify)                                                                                  \
    R(cmd_get)                                                                                     \
    R(cmd_list)                                                                                    \
    R(cmd_cancel)                                                                                  \
    R(cmd_redeliver)                                                                               \
    R(cmd_job_list)                                                                                \
    R(cmd_job_show)                                                                                \
    R(cmd_job_cancel)                                                                              \
    R(cmd_receiver_list)                                                                           \
    R(cmd_receiver_show)                                                                           \
    R(cmd_receiver_create)                                                                         \
    R(cmd_receiver_set)                                                                            \
    R(cmd_receiver_pause)                                                                          \
    R(cmd_receiver_resume)                                                                         \
    R(cmd_receiver_retire)                                                                         \
    R(cmd_receiver_rotate)                                                                         \
    R(cmd_receiver_test)                                                                           \
    R(cmd_binding_list)                                                                            \
    R(cmd_binding_show)                                                                            \
    R(cmd_binding_put)                                                                             \
    R(cmd_binding_delete)                                                                          \
    R(cmd_key_create)                                                                              \
    R(cmd_listen)                                                                                  \
    R(cmd_doctor)                                                                                  \
    R(cmd_completion)                                                                              \
    R(cmd_docs)
#define R(name) int name(struct cli *cli);
CLI_RUN_MAP(R)
#undef R

#endif
