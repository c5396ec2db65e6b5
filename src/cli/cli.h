// SPDX-License-Identifier: Apache-2.0
// The commands of `tidings`: a table of rows; each is one function. Common options are read before
// it runs. Exit codes: 0 done, 1 failed (said on stderr, with the next step), 2 wrong usage.
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>
#include <stdint.h>
#include <tidings/tidings.h>

enum { CLI_WORDS_MAX = 8, CLI_OPTIONS_MAX = 32 };

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
// Settings for the library from --name-server and --set; NULL when it was said on stderr what is
// wrong.
tidings_config *cli_config(const struct cli *cli, const char *group);
// Says what failed and, where one is known, the next step. Returns 1.
int cli_fail(const struct cli *cli, tidings_status status, const struct tidings_error *err);
// Prints a JSON array of objects as a table (or as it is with --json). Takes the text.
int cli_print_rows(const struct cli *cli, char *json);
// Prints one JSON object as lines of name and value (or as it is with --json). Takes the text.
int cli_print_object(const struct cli *cli, char *json);

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
    R(cmd_completion)                                                                              \
    R(cmd_docs)
#define R(name) int name(struct cli *cli);
CLI_RUN_MAP(R)
#undef R

#endif
