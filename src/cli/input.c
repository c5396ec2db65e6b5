// SPDX-License-Identifier: Apache-2.0
// What commands read: files, standard input, JSON documents, lists of names.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/input.h"

bool input_read(const struct cli *cli, const char *path, struct buf *out)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    if (file == NULL) {
        fprintf(stderr, "tidings %s: cannot read %s: %s\n", cli->command->words, path,
                strerror(errno));
        return false;
    }
    char piece[16384];
    size_t got = 1;
    bool small = true;
    while (small && got > 0) {
        got = fread(piece, 1, sizeof piece, file);
        small = buf_add(out, piece, got) == TIDINGS_OK;
    }
    explicit_bzero(piece, sizeof piece);
    bool failed = ferror(file) != 0;
    int why = errno;
    if (file != stdin) {
        fclose(file);
    }
    if (failed) {
        fprintf(stderr, "tidings %s: cannot read %s: %s\n", cli->command->words, path,
                strerror(why));
    } else if (!small) {
        fprintf(stderr, "tidings %s: %s is over %zu bytes\n", cli->command->words, path, out->max);
    }
    return small && !failed;
}

json_t *input_json(const struct cli *cli, const char *path)
{
    struct buf text;
    json_error_t why;
    json_t *root = NULL;
    buf_init(&text, INPUT_DOCUMENT_MAX);
    if (input_read(cli, path, &text)) {
        root = json_loadb(text.ptr != NULL ? text.ptr : "", text.len, JSON_REJECT_DUPLICATES, &why);
        if (!json_is_object(root)) {
            fprintf(stderr, "tidings %s: %s is no JSON object", cli->command->words, path);
            if (root == NULL) {
                fprintf(stderr, ": line %d, column %d: %s", why.line, why.column, why.text);
            }
            fprintf(stderr, "\n");
            json_decref(root);
            root = NULL;
        }
    }
    if (text.ptr != NULL) {
        explicit_bzero(text.ptr, text.size); // documents of receivers have secrets
    }
    buf_deinit(&text);
    return root;
}

bool input_each(const struct cli *cli, const char *name, bool (*each)(void *arg, struct str value),
                void *arg)
{
    for (int i = 0; i < cli->option_count; i++) {
        if (strcmp(cli->options[i].name, name) == 0 && !each(arg, str_of(cli->options[i].value))) {
            return false;
        }
    }
    return true;
}

static bool add_names(void *arg, struct str value)
{
    struct str piece;
    while (str_split(&value, ',', &piece)) {
        struct str name = str_trim(piece);
        if (name.len > 0 && json_array_append_new(arg, json_stringn(name.ptr, name.len)) != 0) {
            return false;
        }
    }
    return true;
}

json_t *input_names(const struct cli *cli, const char *option)
{
    json_t *names = cli_switch(cli, option) ? json_array() : NULL;
    if (names != NULL && !input_each(cli, option, add_names, names)) {
        fprintf(stderr, "tidings %s: --%s must be text in UTF-8\n", cli->command->words, option);
        json_decref(names);
        names = NULL;
    }
    return names;
}

bool input_pair(const struct cli *cli, const char *option, struct str text, struct str *ret_name,
                struct str *ret_value)
{
    size_t equals = str_find(text, '=', 0);
    if (equals == SIZE_MAX || equals == 0) {
        fprintf(stderr, "tidings %s: --%s must be NAME=VALUE\n", cli->command->words, option);
        return false;
    }
    *ret_name = str_make(text.ptr, equals);
    *ret_value = str_make(text.ptr + equals + 1, text.len - equals - 1);
    return true;
}
