// SPDX-License-Identifier: Apache-2.0
// tidings ladder preview LADDER
#include <stdio.h>
#include <stdlib.h>

#include "base/num.h"
#include "cli/cli.h"
#include "ladder/ladder.h"

static void print_row(const struct cli *cli, int64_t step, int64_t delay_ms, int64_t total_ms,
                      int64_t start_ms, bool first)
{
    char delay[48];
    char total[48];
    char time[32];
    int delay_len = (int)num_format_duration_ms(delay, delay_ms);
    int total_len = (int)num_format_duration_ms(total, total_ms);
    clock_format_utc(start_ms + total_ms, time, sizeof time);
    if (cli->json) {
        printf("%s{\"delivery\":%lld,\"delayMs\":%lld,\"afterMs\":%lld,\"at\":\"%s\"}",
               first ? "" : ",", (long long)step + 1, (long long)delay_ms, (long long)total_ms,
               time);
    } else {
        printf("%8lld  %-10.*s  %-14.*s  %s\n", (long long)step + 1, delay_len, delay, total_len,
               total, time);
    }
}

int cmd_ladder_preview(struct cli *cli)
{
    struct ladder ladder;
    struct tidings_error err = { 0 };
    int64_t start_ms;
    int64_t max;
    if (!cli_number(cli, "start", clock_wall_ms(clock_system()), 0, INT64_MAX / 2, &start_ms) ||
        !cli_number(cli, "max", 32, 1, 100000, &max)) {
        return 2;
    }
    tidings_status status = ladder_parse(str_of(cli->words[0]), &ladder, &err);
    if (status != TIDINGS_OK) {
        fprintf(stderr, "tidings ladder preview: %s\n", error_text(&err, status));
        return 2;
    }
    int64_t total_ms = 0;
    int64_t step = 1;
    struct ladder_step next;
    if (cli->json) {
        printf("[");
    } else {
        printf("delivery  delay       after          at\n");
        printf("%8d  %-10s  %-14s  (the first)\n", 1, "-", "-");
    }
    for (; step <= max; step++) {
        ladder_next(&ladder, (unsigned)step - 1, start_ms, start_ms + total_ms, 0, NULL, &next);
        if (next.dead != LADDER_ALIVE) {
            break;
        }
        int64_t before_ms = total_ms;
        total_ms = next.due_ms - start_ms;
        print_row(cli, step, total_ms - before_ms, total_ms, start_ms, step == 1);
    }
    if (cli->json) {
        printf("]\n");
    } else {
        char text[48];
        int len = (int)num_format_duration_ms(text, total_ms);
        printf("%lld deliveries in %.*s, then %s\n", (long long)step, len, text,
               step > max ? "it goes on" : "the dead letters");
    }
    return 0;
}
