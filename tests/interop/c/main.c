// SPDX-License-Identifier: Apache-2.0
// Runs scenarios with libtidings against the server at --ns: "SCENARIO..." or "all". Prints "PASS
// name" or "FAIL name: reason" for each and exits 0 only when all passed. "--list" prints the
// names,
// "--worker GROUP TOPIC SECONDS" is a consumer for scenarios of other programs, "--halves GROUP
// TOPIC" a producer that leaves its transactions open.
#include "interop.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const struct scenario {
    const char *name;
    bool (*run)(struct env *env);
} scenarios[] = {
    { "tags", scenario_tags },
    { "send-kinds", scenario_send_kinds },
    { "retry-ladder", scenario_retry_ladder },
    { "retry-answers", scenario_retry_answers },
    { "made-ladder", scenario_made_ladder },
    { "orderly", scenario_orderly },
    { "broadcast", scenario_broadcast },
    { "mixed-group", scenario_mixed_group },
    { "shutdown", scenario_shutdown },
    { "sql", scenario_sql },
    { "accounts", scenario_accounts },
    { "transactions", scenario_transactions },
    { "transaction-takeover", scenario_transaction_takeover },
};
enum { SCENARIO_COUNT = sizeof(scenarios) / sizeof(scenarios[0]) };

static bool run_one(const struct options *options, const struct scenario *scenario)
{
    struct env *env = calloc(1, sizeof(*env));
    if (env == NULL) {
        return false;
    }
    int64_t start = now_ms();
    env->options = options;
    // New names in every run, so that a server may be used again and again.
    snprintf(env->id, sizeof(env->id), "c-%s-%llx-%d", scenario->name,
             (unsigned long long)time(NULL), (int)getpid());
    bool good = scenario->run(env);
    env_close(env);
    if (good) {
        printf("PASS %s (%lld ms)\n", scenario->name, (long long)(now_ms() - start));
    } else {
        printf("FAIL %s: %s\n", scenario->name, env->reason);
    }
    fflush(stdout);
    free(env);
    return good;
}

static bool run_named(const struct options *options, const char *name)
{
    bool known = false, good = true;
    for (int i = 0; i < SCENARIO_COUNT; i++) {
        if (strcmp(name, "all") == 0 || strcmp(name, scenarios[i].name) == 0) {
            known = true;
            good = run_one(options, &scenarios[i]) && good;
        }
    }
    if (!known) {
        printf("FAIL %s: no such scenario\n", name);
    }
    return known && good;
}

static bool parse_ladder(const char *text, struct options *options)
{
    options->ladder_count = 0;
    while (*text != '\0' && options->ladder_count < MAX_RUNGS) {
        char *end;
        options->ladder_ms[options->ladder_count++] = strtoll(text, &end, 10);
        if (end == text || (*end != ',' && *end != '\0')) {
            return false;
        }
        text = *end == ',' ? end + 1 : end;
    }
    return options->ladder_count > 0;
}

static int usage(void)
{
    fprintf(stderr, "usage: interop_client --ns HOST:PORT [--ladder MS,MS...] [--prime yes|no]\n"
                    "           [--set NAME=VALUE]... [--accounts KEY:SECRET,READER:SECRET]\n"
                    "           [--delay-levels TEXT] [--worker-command TEXT] SCENARIO... | all\n"
                    "       interop_client --ns HOST:PORT --worker GROUP TOPIC SECONDS\n"
                    "       interop_client --ns HOST:PORT --halves GROUP TOPIC\n"
                    "       interop_client --list\n");
    return 2;
}

int main(int argc, char **argv)
{
    static const struct option names[] = {
        { "ns", required_argument, NULL, 'n' },
        { "ladder", required_argument, NULL, 'l' },
        { "prime", required_argument, NULL, 'p' },
        { "delay-levels", required_argument, NULL, 'd' },
        { "worker-command", required_argument, NULL, 'c' },
        { "set", required_argument, NULL, 's' },
        { "accounts", required_argument, NULL, 'a' },
        { "worker", no_argument, NULL, 'w' },
        { "halves", no_argument, NULL, 'h' },
        { "list", no_argument, NULL, 'L' },
        { NULL, 0, NULL, 0 },
    };
    struct options options = { .name_server = "127.0.0.1:9876" };
    bool worker = false, halves = false, good = parse_ladder("1000,2000,3000", &options);
    int option;
    while (good && (option = getopt_long(argc, argv, "", names, NULL)) != -1) {
        switch (option) {
        case 'n': options.name_server = optarg; break;
        case 'l': good = parse_ladder(optarg, &options); break;
        case 'p': options.prime = strcmp(optarg, "yes") == 0; break;
        case 'd': options.delay_levels = optarg; break;
        case 'c': options.worker_command = optarg; break;
        case 'a': options.accounts = optarg; break;
        case 's':
            good = strchr(optarg, '=') != NULL && options.setting_count < 8;
            if (good) {
                options.settings[options.setting_count++] = optarg;
            }
            break;
        case 'w': worker = true; break;
        case 'h': halves = true; break;
        case 'L':
            for (int i = 0; i < SCENARIO_COUNT; i++) {
                puts(scenarios[i].name);
            }
            return 0;
        default: good = false; break;
        }
    }
    int left = argc - optind;
    if (!good || (worker ? left != 3 : halves ? left != 2 : left == 0)) {
        return usage();
    }
    if (halves) {
        return halves_run(&options, argv[optind], argv[optind + 1]);
    }
    if (worker) {
        return worker_run(&options, argv[optind], argv[optind + 1],
                          (int)strtol(argv[optind + 2], NULL, 10));
    }
    for (int i = optind; i < argc; i++) {
        good = run_named(&options, argv[i]) && good;
    }
    return good ? 0 : 1;
}
