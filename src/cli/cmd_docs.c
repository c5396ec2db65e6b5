// SPDX-License-Identifier: Apache-2.0
// tidings docs PAGE: the pages of docs/reference, printed from the tables of the program.
#include <stdio.h>
#include <string.h>

#include "app/app.h"
#include "cli/cli.h"

static void print_settings(void)
{
    printf("# Settings of `tidings serve`\n\nIn `tidings.yaml` as `section:` and `key: value`, or "
           "as flags, "
           "which stand above the file.\n\n");
    app_print_settings_markdown(stdout);
    printf("\nTopics to make at start: `broker.topics`, a list of `NAME` or `NAME:QUEUES` "
           "(`--topic`, may be "
           "repeated).\n");
}

static void print_client_settings(void)
{
    const char *name;
    const char *def;
    const char *text;
    printf(
        "# Settings of libtidings\n\nSet with `tidings_config_set(config, name, value, &err)`, or "
        "`--set name=value` in the CLI.\n\n| name | default | what it is |\n|---|---|---|\n");
    for (size_t i = 0; tidings_config_describe(i, &name, &def, &text); i++) {
        printf("| `%s` | `%s` | %s |\n", name, def[0] != '\0' ? def : " ", text);
    }
}

static void print_statuses(void)
{
    printf("# Statuses\n\n| name | number | may succeed later | HTTP | remoting code | text |\n"
           "|---|---|---|---|---|---|\n");
#define X(name, number, retriable, http, remoting, text)                                           \
    printf("| `TIDINGS_%s` | %d | %s | %d | %d | %s |\n", #name, number,                           \
           (retriable) ? "yes" : "no", http, remoting, text);
    TIDINGS_STATUS_MAP(X)
#undef X
}

static void print_commands(void)
{
    printf("# Commands\n\n`tidings serve` is described in [settings](settings.md).\n");
    for (const struct cli_command *command = cli_commands; command->words != NULL; command++) {
        printf("\n## tidings %s %s\n\n%s\n\n", command->words, command->arguments, command->text);
        for (const struct cli_option *option = command->options; option->name != NULL; option++) {
            printf("- `--%s%s%s` %s\n", option->name, option->value != NULL ? " " : "",
                   option->value != NULL ? option->value : "", option->text);
        }
    }
}

int cmd_docs(struct cli *cli)
{
    static const struct {
        const char *page;
        void (*print)(void);
    } pages[] = { { "settings", print_settings },   { "client-settings", print_client_settings },
                  { "metrics", app_print_metrics }, { "requests", app_print_requests },
                  { "statuses", print_statuses },   { "commands", print_commands } };
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        if (strcmp(cli->words[0], pages[i].page) == 0) {
            pages[i].print();
            return 0;
        }
    }
    fprintf(stderr, "tidings docs: no page \"%s\"; there are", cli->words[0]);
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        fprintf(stderr, " %s", pages[i].page);
    }
    fprintf(stderr, "\n");
    return 2;
}
