// SPDX-License-Identifier: Apache-2.0
// tidings key create ROLE NAME: a new API key, shown once, and its line for the server's keys file.
#include <stdio.h>
#include <string.h>

#include "api/api.h"
#include "base/error.h"
#include "cli/cli.h"

enum { KEY_LINE_MAX = 8192, KEY_TEXT_MAX = 1024 };

// Which option a role may have; a line of the keys file is words, so its value has no spaces.
static bool check_scope(const struct cli *cli, const char *option, const char *role)
{
    const char *value = cli_option(cli, option);
    if (value == NULL) {
        return true;
    }
    bool good = value[0] != '\0' && value[0] != ',' && value[strlen(value) - 1] != ',' &&
                strstr(value, ",,") == NULL && str_is_utf8(str_of(value));
    for (const char *c = value; *c != '\0'; c++) {
        good = good && (unsigned char)*c > ' ' && *c != 0x7f;
    }
    if (!good) {
        fprintf(stderr,
                "tidings key create: --%s is names or patterns separated by commas, like "
                "pay,shop.* (no spaces)\n",
                option);
    } else if (strcmp(cli->words[0], role) != 0) {
        fprintf(stderr, "tidings key create: --%s is for role %s only\n", option, role);
        good = false;
    }
    return good;
}

// The line that was made has a scope of its own; what was given takes its place.
static tidings_status set_scope(const struct cli *cli, struct buf *line, int64_t rate)
{
    tidings_status status = TIDINGS_OK;
    static const char *const options[] = { "sources", "receivers" };
    line->len = str_trim(buf_str(line)).len; // without the end of the line
    for (size_t i = 0; i < 2 && status == TIDINGS_OK; i++) {
        const char *value = cli_option(cli, options[i]);
        size_t scope = value != NULL ? str_find_str(buf_str(line), STR(" sources=")) : SIZE_MAX;
        if (value != NULL && scope == SIZE_MAX) {
            scope = str_find_str(buf_str(line), STR(" receivers="));
        }
        line->len = scope != SIZE_MAX ? scope : line->len;
        status = value != NULL ? buf_addf(line, " %s=%s", options[i], value) : status;
    }
    return status == TIDINGS_OK && rate > 0 ? buf_addf(line, " rate=%lld", (long long)rate)
                                            : status;
}

static int print(const struct cli *cli, struct str key, struct str line)
{
    if (cli->json) {
        json_t *root =
            json_pack("{s:s%,s:s%}", "key", key.ptr, key.len, "line", line.ptr, line.len);
        return cli_print_json(cli, root, NULL);
    }
    printf("key:  %.*s\nline: %.*s\n", STR_ARG(key), (int)line.len, line.ptr);
    fflush(stdout);
    fprintf(stderr,
            "The key is shown this once: hand it to %s. Put the line into the server's keys file "
            "(--api-keys) and send the server SIGHUP.\n",
            cli->words[1]);
    return 0;
}

int cmd_key_create(struct cli *cli)
{
    struct tidings_error err = { 0 };
    struct buf key;
    struct buf line;
    int64_t rate;
    int code = 2;
    if (!check_scope(cli, "sources", "initiator") || !check_scope(cli, "receivers", "receiver") ||
        !cli_number(cli, "rate", 0, 1, 1000000, &rate)) {
        return 2;
    }
    buf_init(&key, KEY_TEXT_MAX);
    buf_init(&line, KEY_LINE_MAX);
    tidings_status status = api_key_generate(cli->words[0], cli->words[1], &key, &line, &err);
    if (status != TIDINGS_OK) {
        fprintf(stderr, "tidings key create: %s\n", error_text(&err, status));
        code = status == TIDINGS_E_INVALID ? 2 : 1;
    } else if (set_scope(cli, &line, rate) != TIDINGS_OK) {
        fprintf(stderr, "tidings key create: the line would be over %d bytes\n", KEY_LINE_MAX);
    } else {
        code = print(cli, buf_str(&key), buf_str(&line));
    }
    if (key.ptr != NULL) {
        explicit_bzero(key.ptr, key.size);
    }
    buf_deinit(&key);
    buf_deinit(&line);
    return code;
}
