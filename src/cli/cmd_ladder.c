// SPDX-License-Identifier: Apache-2.0
// tidings ladder preview LADDER, tidings ladder list
#include <stdio.h>
#include <stdlib.h>

#include "base/num.h"
#include "cli/cli.h"
#include "ladder/ladder.h"

struct preview {
    const struct cli *cli;
    struct ladder whole; // without limit and window
    int64_t start_ms;
    int64_t max;
    int64_t printed;
    int64_t last_ms; // after the first: the last delivery that is made
    int64_t made;    // deliveries, the first too
    enum ladder_death cut;
};

static const char *cut_text(enum ladder_death cut)
{
    return cut == LADDER_WINDOW ? "window" : cut == LADDER_LIMIT ? "limit" : NULL;
}

static void print_row(const struct preview *preview, int64_t step, int64_t delay_ms,
                      int64_t total_ms)
{
    char delay[48];
    char total[48];
    char time[32];
    const char *cut = cut_text(preview->cut);
    int delay_len = (int)num_format_duration_ms(delay, delay_ms);
    int total_len = (int)num_format_duration_ms(total, total_ms);
    clock_format_utc(preview->start_ms + total_ms, time, sizeof time);
    if (preview->cli->json) {
        printf("%s{\"delivery\":%lld,\"delayMs\":%lld,\"afterMs\":%lld,\"at\":\"%s\"%s%s%s}",
               preview->printed == 0 ? "" : ",", (long long)step + 1, (long long)delay_ms,
               (long long)total_ms, time, cut != NULL ? ",\"cut\":\"" : "", cut != NULL ? cut : "",
               cut != NULL ? "\"" : "");
    } else {
        printf("%8lld  %-10.*s  %-14.*s  %s%s%s\n", (long long)step + 1, delay_len, delay,
               total_len, total, time, cut != NULL ? "  not made: beyond the " : "",
               cut != NULL ? cut : "");
    }
}

// Walks the whole ladder; from the first delivery on that the limit or the window forbids, the rows
// say so.
static void walk(struct preview *preview, const struct ladder *ladder)
{
    struct ladder_step next;
    struct ladder_step allowed;
    int64_t total_ms = 0;
    for (int64_t step = 1; step <= preview->max; step++) {
        int64_t now_ms = preview->start_ms + total_ms;
        ladder_next(&preview->whole, (unsigned)step - 1, preview->start_ms, now_ms, 0, NULL, &next);
        if (next.dead != LADDER_ALIVE) {
            return;
        }
        if (preview->cut == LADDER_ALIVE) {
            ladder_next(ladder, (unsigned)step - 1, preview->start_ms, now_ms, 0, NULL, &allowed);
            preview->cut = allowed.dead;
        }
        int64_t before_ms = total_ms;
        total_ms = next.due_ms - preview->start_ms;
        print_row(preview, step, total_ms - before_ms, total_ms);
        preview->printed++;
        if (preview->cut == LADDER_ALIVE) {
            preview->last_ms = total_ms;
            preview->made = step + 1;
        }
    }
}

static void print_sum(const struct preview *preview, const struct ladder *ladder)
{
    char text[48];
    int len = (int)num_format_duration_ms(text, preview->last_ms);
    bool goes_on = preview->cut == LADDER_ALIVE && ladder_steps(ladder) >= preview->made;
    const char *cut = cut_text(preview->cut);
    printf("%lld deliveries in %.*s, then %s\n", (long long)preview->made, len, text,
           goes_on ? "it goes on" : "the dead letters");
    if (cut != NULL) {
        printf("the %s cuts the ladder: %lld more are shown that are not made\n", cut,
               (long long)(preview->printed - preview->made + 1));
    }
}

int cmd_ladder_preview(struct cli *cli)
{
    struct ladder ladder;
    struct tidings_error err = { 0 };
    struct preview preview = { .cli = cli, .made = 1 };
    if (!cli_number(cli, "start", clock_wall_ms(clock_system()), 0, INT64_MAX / 2,
                    &preview.start_ms) ||
        !cli_number(cli, "max", 32, 1, 100000, &preview.max)) {
        return 2;
    }
    tidings_status status = ladder_parse(str_of(cli->words[0]), &ladder, &err);
    if (status != TIDINGS_OK) {
        fprintf(stderr, "tidings ladder preview: %s\n", error_text(&err, status));
        return 2;
    }
    preview.whole = ladder;
    preview.whole.limit = 0;
    preview.whole.window_ms = 0;
    if (cli->json) {
        printf("[");
    } else {
        printf("delivery  delay       after          at\n");
        printf("%8d  %-10s  %-14s  (the first)\n", 1, "-", "-");
    }
    walk(&preview, &ladder);
    if (cli->json) {
        printf("]\n");
    } else {
        print_sum(&preview, &ladder);
    }
    return 0;
}

// NULL when the preset cannot be read (a mistake in its table).
static json_t *preset_row(const struct ladder_preset *preset)
{
    struct ladder ladder;
    char total[48];
    if (ladder_parse(str_of(preset->name), &ladder, NULL) != TIDINGS_OK) {
        return NULL;
    }
    int64_t steps = ladder_steps(&ladder);
    int64_t total_ms = ladder_total_ms(&ladder);
    bool ends = steps < INT64_MAX;
    size_t len = num_format_duration_ms(total, ends ? total_ms : 0);
    return json_pack("{s:s,s:o,s:o,s:i,s:s,s:s}", "name", preset->name, "deliveries",
                     ends ? json_integer(steps + 1) : json_null(), "in",
                     ends ? json_stringn(total, len) : json_null(), "jitterPercent",
                     (int)preset->jitter_percent, "ladder", preset->text, "about", preset->about);
}

int cmd_ladder_list(struct cli *cli)
{
    json_t *rows = json_array();
    const struct ladder_preset *preset;
    for (size_t i = 0; (preset = ladder_preset(i)) != NULL; i++) {
        if (json_array_append_new(rows, preset_row(preset)) != 0) {
            fprintf(stderr, "tidings ladder list: no memory\n");
            json_decref(rows);
            return 1;
        }
    }
    return cli_print_json(cli, rows, NULL);
}
