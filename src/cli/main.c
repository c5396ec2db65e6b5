// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "app/app.h"
#include "cli/cli.h"

static void print_line(FILE *out, const struct cli_command *command)
{
    char left[80];
    int n = snprintf(left, sizeof left, "%s %s", command->words, command->arguments);
    fprintf(out, "  %-34s %s\n", n > 0 ? left : "", command->text);
}

// The commands that begin with this word ("topic"); false when there are none.
static bool print_family(FILE *out, const char *word)
{
    size_t len = strlen(word);
    bool any = false;
    for (const struct cli_command *command = cli_commands; command->words != NULL; command++) {
        if (strncmp(command->words, word, len) == 0 && command->words[len] == ' ') {
            fprintf(out, "%s", any ? "" : "Commands:\n");
            print_line(out, command);
            any = true;
        }
    }
    return any;
}

static void print_usage(FILE *out)
{
    fprintf(out,
            "tidings %s: best-effort notification with an embedded MQ\n\n"
            "Usage: tidings COMMAND [arguments] [--option value]\n\n",
            tidings_version());
    fprintf(out, "  %-34s %s\n", "serve", "run the server (tidings serve --help)");
    for (const struct cli_command *command = cli_commands; command->words != NULL; command++) {
        print_line(out, command);
    }
    fprintf(out, "\nEvery command has --help; most take --json. Those of the MQ take --name-server "
                 "HOST:PORT (127.0.0.1:9876), those of\nthe notifier --server URL "
                 "(TIDINGS_SERVER, http://127.0.0.1:8080) and --key-file PATH (TIDINGS_KEY).\n");
}

static void print_command_help(const struct cli_command *command)
{
    printf("Usage: tidings %s %s [options]\n\n%s\n\n", command->words, command->arguments,
           command->text);
    for (const struct cli_option *option = command->options; option->name != NULL; option++) {
        printf("  --%s%s%s\n      %s\n", option->name, option->value != NULL ? " " : "",
               option->value != NULL ? option->value : "", option->text);
    }
}

// Number of words of `words` that argv begins with, or 0 when it does not begin with all of them.
static int match(const char *words, int argc, char **argv)
{
    int count = 0;
    while (*words != '\0') {
        size_t len = strcspn(words, " ");
        if (count >= argc || strlen(argv[count]) != len || strncmp(argv[count], words, len) != 0) {
            return 0;
        }
        count++;
        words += len + (words[len] == ' ');
    }
    return count;
}

static const struct cli_command *find(int argc, char **argv, int *ret_used)
{
    for (const struct cli_command *command = cli_commands; command->words != NULL; command++) {
        int used = match(command->words, argc, argv);
        if (used > 0) {
            *ret_used = used;
            return command;
        }
    }
    return NULL;
}

static const struct cli_option *find_option(const struct cli_command *command, const char *name,
                                            size_t len)
{
    for (const struct cli_option *option = command->options; option->name != NULL; option++) {
        if (strlen(option->name) == len && strncmp(option->name, name, len) == 0) {
            return option;
        }
    }
    return NULL;
}

// One --option with its value; returns how many arguments it took, 0 when it is wrong.
static int read_option(struct cli *cli, int argc, char **argv)
{
    const char *name = argv[0] + 2;
    size_t len = strcspn(name, "=");
    const struct cli_option *option = find_option(cli->command, name, len);
    const char *value = name[len] == '=' ? name + len + 1 : NULL;
    int used = 1;
    if (option == NULL) {
        fprintf(stderr, "tidings: unknown option %s (tidings %s --help)\n", argv[0],
                cli->command->words);
        return 0;
    }
    if (option->value != NULL && value == NULL) {
        if (argc < 2) {
            fprintf(stderr, "tidings: --%s needs %s\n", option->name, option->value);
            return 0;
        }
        value = argv[1];
        used = 2;
    }
    if (cli->option_count == CLI_OPTIONS_MAX) {
        fprintf(stderr, "tidings: more than %d options\n", CLI_OPTIONS_MAX);
        return 0;
    }
    cli->options[cli->option_count].name = option->name;
    cli->options[cli->option_count++].value = value != NULL ? value : "";
    return used;
}

static bool read_arguments(struct cli *cli, int argc, char **argv)
{
    bool options = true;
    for (int i = 0; i < argc;) {
        if (options && strcmp(argv[i], "--") == 0) {
            options = false;
            i++;
        } else if (options && strncmp(argv[i], "--", 2) == 0) {
            int used = read_option(cli, argc - i, argv + i);
            if (used == 0) {
                return false;
            }
            i += used;
        } else if (cli->word_count == CLI_WORDS_MAX) {
            fprintf(stderr, "tidings: too many arguments at \"%s\"\n", argv[i]);
            return false;
        } else {
            cli->words[cli->word_count++] = argv[i++];
        }
    }
    if (cli->word_count < cli->command->arguments_min ||
        cli->word_count > cli->command->arguments_max) {
        fprintf(stderr, "tidings: usage: tidings %s %s (--help tells more)\n", cli->command->words,
                cli->command->arguments);
        return false;
    }
    return true;
}

static bool wants_help(int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            return true;
        }
    }
    return false;
}

int main(int argc, char **argv)
{
    int used = 0;
    if (argc >= 2 && strcmp(argv[1], "serve") == 0) {
        return app_serve(argc - 2, argv + 2);
    }
    if (argc >= 2 && (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "version") == 0)) {
        printf("tidings %s\n", tidings_version());
        return 0;
    }
    struct cli cli = { .command = find(argc - 1, argv + 1, &used) };
    if (cli.command == NULL) {
        bool asked = argc < 2 || strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 ||
                     strcmp(argv[1], "-h") == 0;
        bool help = wants_help(argc - 1, argv + 1);
        if (!asked && print_family(help ? stdout : stderr, argv[1])) {
            return help ? 0 : 2;
        }
        if (!asked) {
            fprintf(stderr, "tidings: unknown command \"%s\"\n\n", argv[1]);
        }
        print_usage(asked ? stdout : stderr);
        return asked && argc >= 2 ? 0 : 2;
    }
    argc -= 1 + used;
    argv += 1 + used;
    if (wants_help(argc, argv)) {
        print_command_help(cli.command);
        return 0;
    }
    if (!read_arguments(&cli, argc, argv)) {
        return 2;
    }
    cli.json = cli_switch(&cli, "json");
    return cli.command->run(&cli);
}
