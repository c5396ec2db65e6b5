// SPDX-License-Identifier: Apache-2.0
// What commands share: options, settings, errors with their next step.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/num.h"
#include "cli/cli.h"

const char *cli_option(const struct cli *cli, const char *name)
{
    const char *value = NULL;
    for (int i = 0; i < cli->option_count; i++) {
        if (strcmp(cli->options[i].name, name) == 0) {
            value = cli->options[i].value; // the last one counts
        }
    }
    return value;
}

bool cli_switch(const struct cli *cli, const char *name)
{
    return cli_option(cli, name) != NULL;
}

bool cli_number(const struct cli *cli, const char *name, int64_t absent, int64_t least,
                int64_t greatest, int64_t *ret)
{
    const char *text = cli_option(cli, name);
    *ret = absent;
    if (text != NULL && !num_parse_i64(str_of(text), least, greatest, ret)) {
        fprintf(stderr, "tidings: --%s must be a whole number from %lld to %lld, not \"%s\"\n",
                name, (long long)least, (long long)greatest, text);
        return false;
    }
    return true;
}

bool cli_time_ms(const struct cli *cli, const char *name, int64_t absent, int64_t *ret)
{
    const char *text = cli_option(cli, name);
    *ret = absent;
    if (text != NULL && !num_parse_duration_ms(str_of(text), ret)) {
        fprintf(stderr, "tidings: --%s must be a time like 30s, 5m or 250ms, not \"%s\"\n", name,
                text);
        return false;
    }
    return true;
}

static bool set(tidings_config *config, const char *name, const char *value)
{
    struct tidings_error err = { 0 };
    tidings_status status = tidings_config_set(config, name, value, &err);
    if (status != TIDINGS_OK) {
        fprintf(stderr, "tidings: %s\n", error_text(&err, status));
    }
    return status == TIDINGS_OK;
}

// --set NAME=VALUE, as often as given.
static bool set_given(const struct cli *cli, tidings_config *config)
{
    for (int i = 0; i < cli->option_count; i++) {
        if (strcmp(cli->options[i].name, "set") != 0) {
            continue;
        }
        const char *text = cli->options[i].value;
        const char *equals = strchr(text, '=');
        char name[64];
        if (equals == NULL ||
            !str_copy(name, sizeof name, str_make(text, (size_t)(equals - text)))) {
            fprintf(stderr, "tidings: --set must be NAME=VALUE, not \"%s\"\n", text);
            return false;
        }
        if (!set(config, name, equals + 1)) {
            return false;
        }
    }
    return true;
}

// The account: not on a command line, which everybody on the machine can read.
static bool set_environment(tidings_config *config)
{
    static const char *const names[][2] = { { "TIDINGS_ACCESS_KEY", "access_key" },
                                            { "TIDINGS_SECRET_KEY", "secret_key" } };
    bool good = true;
    for (size_t i = 0; good && i < 2; i++) {
        const char *value = getenv(names[i][0]);
        good = value == NULL || set(config, names[i][1], value);
    }
    return good;
}

tidings_config *cli_config(const struct cli *cli, const char *group)
{
    tidings_config *config = tidings_config_new();
    const char *servers = cli_option(cli, "name-server");
    if (config == NULL) {
        fprintf(stderr, "tidings: no memory\n");
        return NULL;
    }
    if (!set(config, "group", group) ||
        (servers != NULL && !set(config, "name_servers", servers)) || !set_environment(config) ||
        !set_given(cli, config)) {
        tidings_config_free(config);
        return NULL;
    }
    return config;
}

static const char *next_step(tidings_status status)
{
    switch ((int)status) {
    case TIDINGS_E_NETWORK:
    case TIDINGS_E_TIMEOUT:
        return "is the server running? start one with: tidings serve --data DIR; name another with "
               "--name-server";
    case TIDINGS_E_NO_ROUTE:
        return "is the topic there? tidings topic list shows them, tidings topic create TOPIC "
               "makes it";
    case TIDINGS_E_NOT_FOUND: return "tidings topic list and tidings group list show what there is";
    case TIDINGS_E_DISK_FULL: return "make room on the server's disk; it goes on by itself";
    default: return NULL;
    }
}

int cli_fail(const struct cli *cli, tidings_status status, const struct tidings_error *err)
{
    const char *step = next_step(status);
    fprintf(stderr, "tidings %s: %s\n", cli->command->words, error_text(err, status));
    if (step != NULL) {
        fprintf(stderr, "  %s\n", step);
    }
    return 1;
}
