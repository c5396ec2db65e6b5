// SPDX-License-Identifier: Apache-2.0
// Each receiver: its state, what waits for it and how long, what died; and the names of the hosts.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/num.h"
#include "cli/doctor.h"
#include "ladder/ladder.h"

enum {
    RECEIVERS_MAX = 10000,
    NAMES_MAX = 256,
    DEAD_SHOWN_MAX = 1000,
    LATE_MS = 60000, // due so long ago and not tried: something keeps it
};

static const char *text_of(json_t *row, const char *name)
{
    const char *text = json_string_value(json_object_get(row, name));
    return text != NULL ? text : "";
}

static int64_t number_of(json_t *row, const char *name)
{
    return json_integer_value(json_object_get(row, name));
}

// A page of notifications; NULL when there is none to be had (said).
static json_t *ask_list(struct doctor *doctor, const char *receiver, const char *state, int limit)
{
    struct rest_path path;
    rest_path_init(&path, "/v1/notifications");
    rest_path_query(&path, "receiver", receiver);
    rest_path_query(&path, "state", state);
    rest_path_query_number(&path, "limit", limit);
    return rest_json(doctor->cli, doctor->rest, "GET", path.text, NULL);
}

// How long the receiver's ladder takes in all; INT64_MAX when it does not end or cannot be told.
static int64_t ladder_length_ms(json_t *settings)
{
    struct ladder ladder;
    int64_t window_ms = number_of(settings, "windowMs");
    int64_t limit = number_of(settings, "attemptLimit");
    const char *text = text_of(settings, "ladder");
    if (ladder_parse(str_of(text[0] != '\0' ? text : "article"), &ladder, NULL) != TIDINGS_OK) {
        return INT64_MAX;
    }
    ladder.window_ms = window_ms > 0 ? window_ms : ladder.window_ms;
    ladder.limit = limit > 0 ? limit : ladder.limit;
    return ladder_total_ms(&ladder);
}

// The oldest one that waits is older than the whole ladder takes: it is not the ladder that keeps
// it.
static bool check_backlog(struct doctor *doctor, json_t *row)
{
    char age[48];
    const char *name = text_of(row, "name");
    int64_t length_ms = ladder_length_ms(json_object_get(row, "settings"));
    int64_t now_ms = clock_wall_ms(clock_system());
    int64_t due_ms = number_of(row, "nextDueAt");
    if (number_of(row, "waiting") == 0) {
        return true;
    }
    json_t *page = ask_list(doctor, name, "waiting", 1);
    json_t *oldest = json_array_get(json_object_get(page, "items"), 0);
    int64_t begun_ms = number_of(oldest, "firstAttemptAt");
    int64_t since_ms = begun_ms > 0 ? begun_ms : number_of(oldest, "acceptedAt");
    bool old = oldest != NULL && since_ms > 0 && length_ms < INT64_MAX - LATE_MS &&
               now_ms - since_ms > length_ms + LATE_MS;
    bool late = due_ms > 0 && now_ms - due_ms > LATE_MS;
    json_decref(page);
    if (old || late) {
        int len =
            (int)num_format_duration_ms(age, (now_ms - (old ? since_ms : due_ms)) / 1000 * 1000);
        doctor_say(doctor, DOCTOR_WARN, "backlog",
                   "is it paused, its breaker open, its in-flight limit or rate too small? tidings "
                   "receiver show tells",
                   "%s: %lld wait, %s for %.*s", name, (long long)number_of(row, "waiting"),
                   old ? "one longer than its ladder takes:" : "one is due", len, age);
    }
    return !old && !late;
}

static bool check_dead(struct doctor *doctor, json_t *row)
{
    const char *name = text_of(row, "name");
    char next[400];
    json_t *page = ask_list(doctor, name, "dead", DEAD_SHOWN_MAX);
    size_t count = json_array_size(json_object_get(page, "items"));
    bool more = json_object_get(page, "nextCursor") != NULL;
    json_decref(page);
    if (count > 0) {
        (void)snprintf(next, sizeof next,
                       "tidings list --receiver %s --state dead shows them; tidings redeliver "
                       "--receiver %s --state dead begins again",
                       name, name);
        doctor_say(doctor, DOCTOR_WARN, "dead letters", next, "%s: %zu%s", name, count,
                   more ? " or more" : "");
    }
    return count == 0;
}

static bool check_state(struct doctor *doctor, json_t *row)
{
    char next[400];
    char until[32];
    const char *name = text_of(row, "name");
    const char *state = text_of(row, "state");
    const char *reason = text_of(row, "stateReason");
    json_t *breaker = json_object_get(row, "breaker");
    int64_t slow_ms = number_of(row, "slowUntil");
    bool fine = true;
    (void)snprintf(next, sizeof next, "when it may be told again: tidings receiver resume %s",
                   name);
    if (strcmp(state, "active") != 0) {
        bool gone = strcmp(state, "gone") == 0;
        doctor_say(doctor, gone ? DOCTOR_FAIL : DOCTOR_WARN, "receiver", next, "%s is %s%s%s", name,
                   state, reason[0] != '\0' ? ": " : "", reason);
        fine = false;
    }
    if (json_is_true(json_object_get(breaker, "open"))) {
        (void)snprintf(next, sizeof next, "tidings receiver test %s shows what it answers", name);
        doctor_say(doctor, DOCTOR_FAIL, "receiver", next,
                   "%s: breaker open after %lld failures in a row", name,
                   (long long)number_of(breaker, "failures"));
        fine = false;
    }
    if (slow_ms > clock_wall_ms(clock_system())) {
        clock_format_utc(slow_ms, until, sizeof until);
        doctor_say(doctor, DOCTOR_WARN, "receiver",
                   "it asked for that (429 or Retry-After): a smaller --rate or --in-flight helps",
                   "%s wants to be left alone until %s", name, until);
        fine = false;
    }
    return fine;
}

struct walk {
    struct doctor *doctor;
    json_t *names; // an object: each once
    size_t count;
    size_t fine;
};

static void check_one(struct walk *walk, json_t *row)
{
    char host[256];
    if (strcmp(text_of(row, "state"), "retired") == 0) {
        return;
    }
    walk->count++;
    bool state = check_state(walk->doctor, row);
    bool backlog = check_backlog(walk->doctor, row);
    bool dead = check_dead(walk->doctor, row);
    walk->fine += state && backlog && dead;
    if (json_object_size(walk->names) < NAMES_MAX &&
        doctor_host(text_of(json_object_get(row, "settings"), "url"), host, sizeof host)) {
        json_object_set_new(walk->names, host, json_string(text_of(row, "name")));
    }
}

static bool on_page(void *arg, json_t *items, bool more)
{
    struct walk *walk = arg;
    size_t index;
    json_t *row;
    (void)more;
    json_array_foreach(items, index, row)
    {
        check_one(walk, row);
    }
    return walk->count < RECEIVERS_MAX;
}

void doctor_receivers(struct doctor *doctor)
{
    struct rest_path path;
    struct walk walk = { .doctor = doctor, .names = json_object() };
    rest_path_init(&path, "/v1/receivers");
    rest_path_query(&path, "limit", "100");
    if (!rest_pages(doctor->cli, doctor->rest, &path, on_page, &walk)) {
        doctor_say(doctor, DOCTOR_FAIL, "receivers", "see the message above",
                   "cannot be looked at");
    } else if (walk.count == 0) {
        doctor_say(doctor, DOCTOR_WARN, "receivers",
                   "make one: tidings receiver create NAME --url URL", "there are none");
    } else {
        doctor_say(doctor, DOCTOR_OK, "receivers", NULL, "%zu of %zu are fine", walk.fine,
                   walk.count);
    }
    doctor_names(doctor, walk.names);
    json_decref(walk.names);
}
