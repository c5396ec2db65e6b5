// SPDX-License-Identifier: Apache-2.0
// tidings redeliver, tidings job …
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/num.h"
#include "cli/rest.h"

enum { POLL_MS = 500, WAIT_DEFAULT_MS = 600000, JOBS_MAX = 1000 };

static bool print_page(void *arg, json_t *items, bool more)
{
    json_t *all = arg;
    (void)more;
    return json_array_extend(all, items) == 0 && json_array_size(all) < JOBS_MAX;
}

int cmd_job_list(struct cli *cli)
{
    static const char *const columns[] = { "job",     "state",     "looked", "redelivered",
                                           "refused", "createdAt", "filter", NULL };
    struct rest_path path;
    struct rest *rest = rest_open(cli);
    if (rest == NULL) {
        return 2;
    }
    json_t *all = json_array();
    rest_path_init(&path, "/v1/redeliveries?limit=100");
    path.has_query = true;
    int code = 1;
    if (rest_pages(cli, rest, &path, print_page, all)) {
        code = cli_print_json(cli, all, columns);
    } else {
        json_decref(all);
    }
    rest_close(rest);
    return code;
}

static int one_job(struct cli *cli, const char *method, const char *what)
{
    struct rest_path path;
    int64_t job;
    if (!num_parse_i64(str_of(cli->words[0]), 1, INT64_MAX, &job)) {
        fprintf(stderr, "tidings %s: JOB must be a number, see tidings job list\n",
                cli->command->words);
        return 2;
    }
    struct rest *rest = rest_open(cli);
    if (rest == NULL) {
        return 2;
    }
    rest_path_init(&path, "/v1/redeliveries");
    rest_path_segment(&path, cli->words[0]);
    rest_path_add(&path, what);
    int code = cli_print_json(cli, rest_json(cli, rest, method, path.text, NULL), NULL);
    rest_close(rest);
    return code;
}

int cmd_job_show(struct cli *cli)
{
    return one_job(cli, "GET", "");
}

int cmd_job_cancel(struct cli *cli)
{
    return one_job(cli, "POST", "/cancel");
}

// ---- redeliver ----

static int redeliver_one(struct cli *cli, struct rest *rest)
{
    struct rest_path path;
    const char *ladder = cli_option(cli, "ladder");
    for (int i = 0; i < cli->option_count; i++) {
        static const char *const filters[] = { "receiver", "state", "reason", "source",
                                               "type",     "since", "until",  "all" };
        for (size_t k = 0; k < sizeof filters / sizeof filters[0]; k++) {
            if (strcmp(cli->options[i].name, filters[k]) == 0) {
                fprintf(stderr, "tidings redeliver: an ID, or --%s, not both\n", filters[k]);
                return 2;
            }
        }
    }
    rest_path_init(&path, "/v1/notifications");
    rest_path_segment(&path, cli->words[0]);
    rest_path_add(&path, "/redeliver");
    json_t *body = ladder != NULL ? json_pack("{s:s}", "ladder", ladder) : NULL;
    return cli_print_json(cli, rest_json(cli, rest, "POST", path.text, body), NULL);
}

static bool set_time(struct cli *cli, json_t *body, const char *option, const char *member)
{
    int64_t ms;
    if (!cli_when(cli, option, false, -1, &ms)) {
        return false;
    }
    return ms < 0 || json_object_set_new(body, member, json_integer(ms)) == 0;
}

// NULL when it was said what is wrong.
static json_t *job_filter(struct cli *cli)
{
    static const char *const names[] = { "receiver", "state", "reason", "source", "type" };
    json_t *body = json_object();
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = cli_option(cli, names[i]);
        if (value != NULL && json_object_set_new(body, names[i], json_string(value)) != 0) {
            fprintf(stderr, "tidings redeliver: --%s must be text in UTF-8\n", names[i]);
            json_decref(body);
            return NULL;
        }
    }
    if (!set_time(cli, body, "since", "acceptedFrom") ||
        !set_time(cli, body, "until", "acceptedTo")) {
        json_decref(body);
        return NULL;
    }
    if (json_object_size(body) == 0 && !cli_switch(cli, "all")) {
        fprintf(stderr, "tidings redeliver: say what: an ID, or --receiver NAME, --state dead, "
                        "--since 1d, …; or --all for every dead one\n");
        json_decref(body);
        return NULL;
    }
    const char *ladder = cli_option(cli, "ladder");
    if (ladder != NULL) {
        json_object_set_new(body, "ladder", json_string(ladder));
    }
    return body;
}

static int64_t number_of(json_t *job, const char *name)
{
    return json_integer_value(json_object_get(job, name));
}

static bool is_running(json_t *job)
{
    const char *state = json_string_value(json_object_get(job, "state"));
    return state != NULL && strcmp(state, "running") == 0;
}

static void say_progress(json_t *job, int64_t *last)
{
    int64_t looked = number_of(job, "looked");
    if (looked != *last) {
        *last = looked;
        fprintf(stderr, "job %lld: looked at %lld, redelivered %lld, refused %lld\n",
                (long long)number_of(job, "job"), (long long)looked,
                (long long)number_of(job, "redelivered"), (long long)number_of(job, "refused"));
    }
}

// Shows how far it is until it is done. Takes the job; what it was at last is printed.
static int follow_job(struct cli *cli, struct rest *rest, json_t *job, int64_t wait_ms)
{
    struct rest_path path;
    int64_t last = -1;
    int64_t number = number_of(job, "job");
    int64_t until_us = clock_mono_us(clock_system()) + wait_ms * 1000;
    char text[24];
    (void)snprintf(text, sizeof text, "%lld", (long long)number);
    rest_path_init(&path, "/v1/redeliveries");
    rest_path_segment(&path, text);
    while (job != NULL && is_running(job)) {
        say_progress(job, &last);
        if (rest_pause(POLL_MS) || clock_mono_us(clock_system()) >= until_us) {
            fprintf(stderr,
                    "tidings redeliver: the job goes on without us\n  look again with: tidings job "
                    "show %lld; end it with: tidings job cancel %lld\n",
                    (long long)number, (long long)number);
            json_decref(job);
            return 1;
        }
        json_decref(job);
        job = rest_json(cli, rest, "GET", path.text, NULL);
    }
    const char *state = json_string_value(json_object_get(job, "state"));
    bool done = state != NULL && strcmp(state, "done") == 0;
    int code = cli_print_json(cli, job, NULL);
    return code == 0 && done ? 0 : 1;
}

int cmd_redeliver(struct cli *cli)
{
    int64_t wait_ms;
    int code = 2;
    if (!cli_time_ms(cli, "wait", WAIT_DEFAULT_MS, &wait_ms)) {
        return 2;
    }
    struct rest *rest = rest_open(cli);
    if (rest == NULL) {
        return 2;
    }
    if (cli->word_count > 0) {
        code = redeliver_one(cli, rest);
    } else {
        json_t *body = job_filter(cli);
        if (body != NULL) {
            json_t *job = rest_json(cli, rest, "POST", "/v1/redeliveries", body);
            code = job == NULL || cli_switch(cli, "no-wait") ? cli_print_json(cli, job, NULL)
                                                             : follow_job(cli, rest, job, wait_ms);
        }
    }
    rest_close(rest);
    return code;
}
