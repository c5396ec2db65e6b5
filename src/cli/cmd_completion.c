// SPDX-License-Identifier: Apache-2.0
// tidings completion bash|zsh|fish: made from the table of commands.
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

// First words, each once.
static void print_first_words(const char *separator)
{
    printf("serve");
    const char *last = "";
    for (const struct cli_command *command = cli_commands; command->words != NULL; command++) {
        size_t len = strcspn(command->words, " ");
        if (strncmp(last, command->words, len) != 0 || (last[len] != ' ' && last[len] != '\0')) {
            printf("%s%.*s", separator, (int)len, command->words);
        }
        last = command->words;
    }
}

// The second words of each first one ("topic"); the rows of a family stand together.
static void print_families(void)
{
    const struct cli_command *command = cli_commands;
    while (command->words != NULL) {
        size_t len = strcspn(command->words, " ");
        const struct cli_command *first = command;
        if (command->words[len] == ' ') {
            printf("    %.*s) words='", (int)len, command->words);
        }
        do {
            if (command->words[len] == ' ') {
                printf("%s ", command->words + len + 1);
            }
            command++;
        } while (command->words != NULL && first->words[len] == ' ' &&
                 strncmp(command->words, first->words, len + 1) == 0);
        printf("%s", first->words[len] == ' ' ? "' ;;\n" : "");
    }
}

static void print_bash(void)
{
    printf("_tidings() {\n    local cur=${COMP_WORDS[COMP_CWORD]} "
           "line=\"${COMP_WORDS[*]:1:COMP_CWORD-1}\" words\n"
           "    case \"$line\" in\n");
    for (const struct cli_command *command = cli_commands; command->words != NULL; command++) {
        printf("    '%s'|'%s '*) words='", command->words, command->words);
        for (const struct cli_option *option = command->options; option->name != NULL; option++) {
            printf("--%s ", option->name);
        }
        printf("--help' ;;\n");
    }
    print_families();
    printf("    '') words='");
    print_first_words(" ");
    printf("' ;;\n    *) words= ;;\n    esac\n    COMPREPLY=($(compgen -W \"$words\" -- "
           "\"$cur\"))\n}\n"
           "complete -o default -F _tidings tidings\n");
}

static void print_fish(void)
{
    printf("complete -c tidings -f -n __fish_use_subcommand -a '");
    print_first_words(" ");
    printf("'\n");
    for (const struct cli_command *command = cli_commands; command->words != NULL; command++) {
        const char *space = strchr(command->words, ' ');
        if (space != NULL) {
            printf("complete -c tidings -f -n '__fish_seen_subcommand_from %.*s' -a '%s' -d '%s'\n",
                   (int)(space - command->words), command->words, space + 1, command->text);
        }
    }
}

int cmd_completion(struct cli *cli)
{
    if (strcmp(cli->words[0], "bash") == 0) {
        print_bash();
    } else if (strcmp(cli->words[0], "zsh") == 0) {
        printf("autoload -U +X bashcompinit && bashcompinit\n");
        print_bash();
    } else if (strcmp(cli->words[0], "fish") == 0) {
        print_fish();
    } else {
        fprintf(stderr, "tidings completion: bash, zsh or fish, not \"%s\"\n", cli->words[0]);
        return 2;
    }
    return 0;
}
